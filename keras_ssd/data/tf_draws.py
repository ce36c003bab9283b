"""The random numbers of the paper's augmentation, for a batch of examples, with TensorFlow.

Every example has the same number of draws. They depend only on the seed and on the example's
position in the endless sequence of examples, not on the batch that the example is in.
"""

from typing import Any, NamedTuple

import tensorflow as tf

from keras_ssd.data.augmentation_steps import MIN_CROP_OVERLAPS

NUM_TRIALS = 50  # crops that are tried for each of MIN_CROP_OVERLAPS
_PHILOX = 1  # the number of the generator; one step of its counter gives 4 draws


class Draws(NamedTuple):
    """Uniform float32 draws in [0, 1), for a batch of B examples.

    Attributes:
        contrast_place: (B,), whether contrast is changed second or last.
        color_on: (B, 4), whether brightness, contrast, saturation and hue are changed.
        color_amount: (B, 4), how much they are changed.
        expand_on: (B,), whether the image is put on a canvas.
        expand: (B, 3), the ratio of the canvas, and the place of the image: top, left.
        crop: (B, 6, 4, 50), for each of MIN_CROP_OVERLAPS the trials' scale, aspect ratio, left
            and top.
        candidate: (B,), which of the crops that were found is taken.
        flip: (B,), whether the image is mirrored.
    """

    contrast_place: tf.Tensor
    color_on: tf.Tensor
    color_amount: tf.Tensor
    expand_on: tf.Tensor
    expand: tf.Tensor
    crop: tf.Tensor
    candidate: tf.Tensor
    flip: tf.Tensor


_SHAPES = Draws((), (4,), (4,), (), (3,), (len(MIN_CROP_OVERLAPS), 4, NUM_TRIALS), (), ())
_COUNTS = Draws(*(int(tf.TensorShape(shape).num_elements()) for shape in _SHAPES))
NUM_DRAWS = -(-sum(_COUNTS) // 4) * 4


def draw(seed: int, first_position: Any, batch_size: int) -> Draws:
    """Returns the draws of `batch_size` examples, the first of them at `first_position`.

    Args:
        seed: the seed; it is taken modulo 2**64.
        first_position: int64 scalar, from 0.
        batch_size: B, the number of examples.
    """
    counter = tf.cast(first_position, tf.uint64) * tf.constant(NUM_DRAWS // 4, tf.uint64)
    values = tf.raw_ops.StatelessRandomUniformV2(
        shape=[batch_size, NUM_DRAWS],
        key=tf.constant([seed % 2**64], tf.uint64),
        counter=tf.stack([counter, tf.constant(0, tf.uint64)]),
        alg=_PHILOX,
    )
    parts = tf.split(values, [*_COUNTS, NUM_DRAWS - sum(_COUNTS)], axis=1)
    return Draws(
        *(
            tf.reshape(part, (batch_size, *shape))
            for part, shape in zip(parts, _SHAPES, strict=False)
        )
    )
