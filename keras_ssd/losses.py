"""The SSD loss: localization and confidence (paper, section 2.2, equations 1 to 3).

Both losses are sums over a batch, divided by the number of its matched default boxes. If Keras
splits a batch over several devices, the matches of the whole batch count: under `tf.distribute` on
TensorFlow and under `keras.distribution.DataParallel` on JAX, a step gives the same weights as on
one device. On PyTorch, each process of `DistributedDataParallel` divides by the matches of its own
part.
"""

from typing import Any

import keras
from keras import ops

from keras_ssd.models.replicas import num_replicas


class _LossPerMatch(keras.losses.Loss):
    """A loss divided by the matches of the batch; `call` returns each image's share, (B,)."""

    def __init__(self, name: str):
        super().__init__(name=name, reduction="sum", dtype="float32")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Computes the loss of a batch as a float32 scalar.

        Args:
            y_true, y_pred: the arrays that the class describes.
            sample_weight: None, or a weight for each image, (B,): the loss of image i, including
                the negatives that it keeps, is multiplied by weight i. The number of matches is
                not weighted.

        Raises:
            ValueError: `sample_weight` has another shape, such as a weight for each box.
        """
        _check_weights(sample_weight)
        return _same_on_all_replicas(super().__call__(y_true, y_pred, sample_weight))


@keras.saving.register_keras_serializable("keras_ssd")
class SmoothL1(_LossPerMatch):
    """Smooth L1 over the offsets of matched default boxes, divided by max(1, matches).

    Source: Caffe `smooth_L1_loss_layer.cpp`, `multibox_loss_layer.cpp`.

    y_true: (B, N, 5), the target offsets, then 1 if the default box is matched and 0 if not.
    y_pred: (B, N, 4), the predicted offsets.

    Examples:
        >>> import numpy as np
        >>> import keras_ssd
        >>> y_true = np.array([[[0, 0, 0, 0, 1], [0, 0, 0, 0, 0]]])  # the first box is matched
        >>> y_pred = np.array([[[0.5, 0, 0, 3], [9, 9, 9, 9]]])
        >>> float(keras_ssd.losses.SmoothL1()(y_true, y_pred))  # 0.5 * 0.5**2 + (3 - 0.5)
        2.625
    """

    def __init__(self, name: str = "smooth_l1"):
        super().__init__(name)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        targets, matched = y_true[..., :4], y_true[..., 4]
        distance = ops.abs(y_pred - targets)
        loss = ops.where(distance < 1, 0.5 * ops.square(distance), distance - 0.5)
        loss = ops.where(matched[..., None] > 0, loss, 0.0)
        return ops.sum(loss, axis=(1, 2)) / _at_least_one(ops.sum(matched))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


@keras.saving.register_keras_serializable("keras_ssd")
class HardNegativeCrossentropy(_LossPerMatch):
    """Softmax cross entropy over matched boxes and each image's hardest negatives.

    An image keeps `negative_ratio` negatives for each matched box: those with the highest loss.
    An image without matches keeps none. The sum is divided by max(1, matches of the batch).
    Source: Caffe `multibox_loss_layer.cpp`, `MineHardExamples`.

    y_true: (B, N), the class of each default box: 0 background, 1..K, -1 for a box left out.
    y_pred: (B, N, K + 1), logits.

    Args:
        negative_ratio: the number of negatives that an image keeps for each match.
        name: the loss's name.

    Examples:
        >>> import numpy as np
        >>> import keras_ssd
        >>> y_true = np.array([[1, 0, 0, 0, 0]])  # one match; three of the four others are kept
        >>> loss = keras_ssd.losses.HardNegativeCrossentropy()(y_true, np.zeros((1, 5, 2)))
        >>> round(float(loss), 4)  # 4 * log(2)
        2.7726
    """

    def __init__(self, negative_ratio: float = 3.0, name: str = "hard_negative_crossentropy"):
        super().__init__(name)
        self.negative_ratio = negative_ratio

    def call(self, y_true: Any, y_pred: Any) -> Any:
        classes = ops.cast(y_true, "int32")
        loss = ops.sparse_categorical_crossentropy(
            ops.maximum(classes, 0), y_pred, from_logits=True
        )  # (B, N)
        matched = classes > 0
        matches = ops.sum(ops.cast(matched, "float32"), axis=1)  # (B,)
        positive_loss = ops.sum(ops.where(matched, loss, 0.0), axis=1)

        # The loss of a box that is not a negative is replaced by 0. Cross entropy is never below 0,
        # so a 0 never takes the place of a negative, and it adds nothing to the sum.
        hardest = -ops.sort(-ops.where(classes == 0, loss, 0.0), axis=1)
        kept = ops.floor(self.negative_ratio * matches)
        is_kept = ops.arange(hardest.shape[1], dtype="float32")[None] < kept[:, None]
        negative_loss = ops.sum(ops.where(is_kept, hardest, 0.0), axis=1)
        return (positive_loss + negative_loss) / _at_least_one(ops.sum(matches))

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "negative_ratio": self.negative_ratio}


def _check_weights(weights):
    shape = getattr(weights, "shape", ())
    if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1):
        raise ValueError(
            f"sample_weight: expected one weight for each image, (B,), not {tuple(shape)}; to "
            "leave out a default box, give it the class -1 and 0 as the last of its offsets"
        )


def _at_least_one(matches):
    """Returns the number of matches in the global batch, or 1, to divide by."""
    return ops.maximum(_sum_over_replicas(matches), 1.0)


def _same_on_all_replicas(loss):
    """Gives the loss this replica's own gradient, but an equal share of the sum as its value.

    The sum over replicas does not change. Keras reports the mean over replicas, weighted by their
    numbers of images. With equal shares that is the loss of the batch, also if the replicas have
    different numbers of images.
    """
    total = _sum_over_replicas(loss)
    if total is loss:
        return loss
    share = total / num_replicas()
    return loss + ops.stop_gradient(share - loss)


def _sum_over_replicas(value):
    """Adds up a tensor over the replicas of `tf.distribute`; without them it stays as it is."""
    if keras.config.backend() != "tensorflow":
        return value
    import tensorflow as tf

    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return value
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, value)
