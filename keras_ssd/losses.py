"""The SSD loss: localization and confidence (paper, section 2.2, equations 1 to 3).

Each loss is one scalar: its sum over the batch, divided by the number of matched default boxes.
Both are exact per batch that they see; under data parallelism each replica normalizes its own.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_ssd")
class SmoothL1(keras.losses.Loss):
    """Smooth L1 over the offsets of matched default boxes, over max(1, matches).

    Source: Caffe `smooth_L1_loss_layer.cpp`, `multibox_loss_layer.cpp`.

    y_true: (B, N, 5), target offsets and, last, 1 where the default box is matched, else 0.
    y_pred: (B, N, 4).
    """

    def __init__(self, name="smooth_l1"):
        super().__init__(name=name, reduction="sum", dtype="float32")

    def call(self, y_true, y_pred):
        targets, matched = y_true[..., :4], y_true[..., 4]
        distance = ops.abs(y_pred - targets)
        loss = ops.where(distance < 1, 0.5 * ops.square(distance), distance - 0.5)
        loss = ops.where(matched[..., None] > 0, loss, 0.0)
        return ops.sum(loss) / ops.maximum(ops.sum(matched), 1.0)

    def get_config(self):
        return {"name": self.name}


@keras.saving.register_keras_serializable("keras_ssd")
class HardNegativeCrossentropy(keras.losses.Loss):
    """Softmax cross entropy over matched boxes and each image's hardest negatives.

    An image keeps `negative_ratio` negatives for each matched box: those with the highest loss.
    An image without matches keeps none. The sum is divided by max(1, matches of the batch).
    Source: Caffe `multibox_loss_layer.cpp`, `MineHardExamples`.

    Args:
        negative_ratio: negatives for each match.

    y_true: (B, N), the class of each default box: 0 background, 1..K, -1 left out.
    y_pred: logits (B, N, K + 1).
    """

    def __init__(self, negative_ratio=3.0, name="hard_negative_crossentropy"):
        super().__init__(name=name, reduction="sum", dtype="float32")
        self.negative_ratio = negative_ratio

    def call(self, y_true, y_pred):
        classes = ops.cast(y_true, "int32")
        loss = ops.sparse_categorical_crossentropy(
            ops.maximum(classes, 0), y_pred, from_logits=True
        )  # (B, N)
        matched = classes > 0
        matches = ops.sum(ops.cast(matched, "float32"), axis=1)  # (B,)
        positive_loss = ops.sum(ops.where(matched, loss, 0.0))

        # Cross entropy is never negative, so zeros in place of all that is no negative never
        # push one out of the first k, nor add anything where there are fewer than k.
        hardest = -ops.sort(-ops.where(classes == 0, loss, 0.0), axis=1)
        kept = ops.floor(self.negative_ratio * matches)
        is_kept = ops.arange(hardest.shape[1], dtype="float32")[None] < kept[:, None]
        negative_loss = ops.sum(ops.where(is_kept, hardest, 0.0))
        return (positive_loss + negative_loss) / ops.maximum(ops.sum(matches), 1.0)

    def get_config(self):
        return {"name": self.name, "negative_ratio": self.negative_ratio}
