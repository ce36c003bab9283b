"""Keras's preprocessing layers as augmentation of images and their boxes."""

import keras
import tensorflow as tf

_SEED_STATE = "seed_generator_state"  # Keras's name of the variable that a layer draws from
_DRAWS_OF_AN_EXAMPLE = 1024  # at most


class KerasAugmentation:
    """Lets a Keras layer change training images and boxes, as TensorFlow operations.

    The layer's random numbers depend only on the seed and on the example's position, as those of
    all augmentations do.

    Args:
        layer: a layer such as `keras.layers.RandomFlip`, or several in `keras.layers.Pipeline`. It
            is called with {"images": float32 (S, S, 3) in 0..255, "bounding_boxes": {"boxes":
            (M, 4), "labels": (M,)}}, where S is the side of the training image.
        image_size: S, in pixels.
        seed: the seed.

    Raises:
        ValueError: a layer has no bounding_box_format, or two have different ones; one is a
            RandomCrop; or Keras runs on another backend than TensorFlow.
    """

    def __init__(self, layer: keras.layers.Layer, image_size: int, seed: int):
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                "augmentation: Keras's layers make training images on the TensorFlow backend only, "
                f"not on {keras.backend.backend()}"
            )
        self._layer, self._size, self._seed = layer, image_size, seed
        self._format = _bounding_box_format(layer)

    def __call__(
        self, image: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor, position: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Changes one example.

        Args:
            image: uint8 (S, S, 3).
            boxes: float32 (M, 4), relative corners.
            labels: int32 (M,).
            position: int64 scalar, the position of the example.

        Returns:
            The image, uint8 (S, S, 3), the boxes and the labels. Boxes that the layer gives no
            area or no label are left out.
        """
        states = [state for state in self._layer.variables if state.name == _SEED_STATE]
        mapping = [
            (state, tf.cast(self._state(position, number), state.dtype))
            for number, state in enumerate(states)
        ]
        convert = keras.utils.bounding_boxes.convert_format
        side = self._size
        given = convert(boxes, "rel_xyxy", self._format, height=side, width=side)
        with keras.StatelessScope(mapping):
            changed = self._layer(
                {
                    "images": tf.cast(image, tf.float32),
                    "bounding_boxes": {"boxes": given, "labels": tf.cast(labels, tf.float32)},
                },
                training=True,
            )
        image, found = changed["images"], changed["bounding_boxes"]
        height, width = tf.unstack(tf.shape(image)[:2])
        boxes = convert(found["boxes"], self._format, "rel_xyxy", height=height, width=width)
        boxes = tf.clip_by_value(tf.cast(boxes, tf.float32), 0.0, 1.0)
        labels = tf.cast(found["labels"], tf.int32)
        kept = (labels >= 0) & tf.reduce_all(boxes[:, 2:] > boxes[:, :2], axis=1)
        image = tf.image.resize(tf.cast(image, tf.float32), (side, side))
        image = tf.cast(tf.clip_by_value(image, 0.0, 255.0) + 0.5, tf.uint8)
        return image, boxes[kept], labels[kept]

    def _state(self, position, number):
        return tf.stack(
            [
                tf.constant(self._seed * 4096 + number, tf.int64),
                position * _DRAWS_OF_AN_EXAMPLE,
            ]
        )


def _bounding_box_format(layer) -> str:
    found = {}
    for part in getattr(layer, "layers", None) or [layer]:
        if isinstance(part, keras.layers.RandomCrop):
            raise ValueError(
                "augmentation: keras.layers.RandomCrop moves boxes along the wrong axis (in Keras "
                "3.15), so it cannot be used; TFPaperAugmentation crops"
            )
        box_format = getattr(part, "bounding_box_format", None)
        if box_format is None:
            raise ValueError(
                f"augmentation: the layer {part.name} does not know boxes; give it a "
                'bounding_box_format such as "xyxy"'
            )
        found[box_format] = part.name
    if len(found) > 1:
        raise ValueError(f"augmentation: the layers have different formats of boxes: {found}")
    return next(iter(found))


def layer_names(layer: keras.layers.Layer) -> str:
    """Returns the kinds of the layers, which are the same in every process."""
    parts = getattr(layer, "layers", None) or []
    return f"{type(layer).__name__}({', '.join(layer_names(part) for part in parts)})"
