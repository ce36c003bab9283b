"""The windows that the paper's augmentation cuts out of images, for a batch, with TensorFlow.

A window is the part of the plane that becomes the training image. It may reach beyond the image
(`expand`), where the mean color fills it. The same draws give the same windows and boxes as
`expand`, `crop` and `flip` of `keras_ssd.data.augmentation_steps`.
"""

from typing import NamedTuple

import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from keras_ssd import geometry
from keras_ssd.data.augmentation_steps import MIN_CROP_OVERLAPS
from keras_ssd.data.tf_draws import Draws


class Windows(NamedTuple):
    """What becomes of the images and objects of a batch of B examples.

    Attributes:
        corner: int32 (B, 2), top and left of each window in pixels of its image.
        size: int32 (B, 2), height and width of each window in pixels.
        flipped: bool (B,), whether the window is mirrored left to right.
        boxes: float32 (B, M, 4), corners relative to the window.
        kept: bool (B, M), which of the boxes stay.
    """

    corner: tf.Tensor
    size: tf.Tensor
    flipped: tf.Tensor
    boxes: tf.Tensor
    kept: tf.Tensor


def whole_images(boxes: tf.Tensor, is_box: tf.Tensor, sizes: tf.Tensor) -> Windows:
    """Returns the windows that show the whole images; see `draw_windows` for the arguments."""
    batch_size = tf.shape(sizes)[:1]
    return Windows(tf.zeros_like(sizes), sizes, tf.zeros(batch_size, bool), boxes, is_box)


def draw_windows(
    draws: Draws, boxes: tf.Tensor, is_box: tf.Tensor, sizes: tf.Tensor, *, expand: bool = True
) -> Windows:
    """Returns the windows that the paper's steps expand, crop and flip make from the draws.

    Args:
        draws: the draws of the examples.
        boxes: float32 (B, M, 4), relative corners, padded to M boxes.
        is_box: bool (B, M), which rows are boxes and not padding.
        sizes: int32 (B, 2), height and width of the images in pixels.
        expand: whether half of the images are put on a larger canvas.
    """
    expanded = draws.expand_on < 0.5 if expand else tf.zeros_like(draws.expand_on, bool)
    canvas, place = _canvases(draws.expand, expanded, sizes)
    boxes = _on_canvas(boxes, sizes, canvas, place)
    region = _chosen_regions(draws, boxes, is_box)  # float64 (B, 4), relative to the canvas
    boxes, kept = _within(region, boxes, is_box)
    high, wide = canvas[:, 0], canvas[:, 1]
    left, top, right, bottom = tf.unstack(region * tf.stack([wide, high, wide, high], 1), axis=1)
    corner = tf.floor(tf.stack([top, left], 1))
    size = tf.floor(tf.stack([bottom - top, right - left], 1))
    size = tf.clip_by_value(size, tf.ones_like(size), canvas - corner)
    flipped = draws.flip < 0.5
    return Windows(
        tf.cast(corner - place, tf.int32),
        tf.cast(size, tf.int32),
        flipped,
        tf.where(flipped[:, None, None], _mirrored(boxes), boxes),
        kept,
    )


def _canvases(draws, expanded, sizes):
    """Returns heights and widths of the canvases, and top and left of the images: (B, 2)."""
    sizes, draws = tf.cast(sizes, tf.float64), tf.cast(draws, tf.float64)
    ratio = tf.where(expanded, 1.0 + 3.0 * draws[:, 0], 1.0)
    canvas = tf.floor(sizes * ratio[:, None])
    return canvas, tf.floor((canvas - sizes) * draws[:, 1:])


def _on_canvas(boxes, sizes, canvas, place):
    def twice(pairs):
        return tf.tile(tf.reverse(tf.cast(pairs, tf.float64), [1]), [1, 2])[:, None]

    pixels = tf.cast(boxes, tf.float64) * twice(sizes) + twice(place)
    return tf.cast(pixels / twice(canvas), tf.float32)


def _chosen_regions(draws, boxes, is_box):
    """Returns the region of each example: the whole canvas, or one of the crops that were found."""
    crops = _random_crops(tf.cast(draws.crop, tf.float64))  # (B, 6, 50, 4)
    count, num_samplers, num_trials = draws.crop.shape[0], crops.shape[1], crops.shape[2]
    overlaps = geometry.iou(
        tf.reshape(crops, (count, -1, 4)), tf.cast(boxes, tf.float64), tnp
    )  # (B, 300, M)
    overlaps = tf.reduce_max(tf.where(is_box[:, None], overlaps, -1.0), axis=2)
    overlaps = tf.reshape(overlaps, (count, num_samplers, num_trials))
    fits = overlaps >= tf.constant(MIN_CROP_OVERLAPS, tf.float64)[:, None]
    found = tf.reduce_any(fits, axis=2)  # (B, 6)
    first = tf.argmax(tf.cast(fits, tf.int8), axis=2)
    regions = tf.gather(crops, first, batch_dims=2)  # (B, 6, 4)
    # Candidate 0 is the whole canvas, candidate n the n-th crop that was found.
    number = tf.cast(tf.cumsum(tf.cast(found, tf.int32), axis=1), tf.float64)
    candidate = tf.floor(tf.cast(draws.candidate, tf.float64) * (number[:, -1] + 1.0))
    is_chosen = found & (number == candidate[:, None])
    whole = tf.constant([0.0, 0.0, 1.0, 1.0], tf.float64)
    chosen = tf.reduce_sum(tf.where(is_chosen[..., None], regions, 0.0), axis=1)
    return tf.where(tf.reduce_any(is_chosen, axis=1)[:, None], chosen, whole)


def _random_crops(draws):
    """Turns draws (B, 6, 4, 50) into corners (B, 6, 50, 4), as `augmentation_steps.crop` does."""
    scale = 0.3 + 0.7 * draws[:, :, 0]
    area = tf.square(scale)  # exact, unlike a power, whose last bit depends on the processor
    aspect_ratio = tf.clip_by_value(0.5 + 1.5 * draws[:, :, 1], area, 1.0 / area)
    root = tf.sqrt(aspect_ratio)
    width, height = tf.minimum(scale * root, 1.0), tf.minimum(scale / root, 1.0)
    left, top = (1.0 - width) * draws[:, :, 2], (1.0 - height) * draws[:, :, 3]
    return tf.stack([left, top, left + width, top + height], axis=3)


def _within(region, boxes, is_box):
    """Returns the boxes relative to the region, and which of them have their center in it."""
    region = region[:, None]
    low, high = region[..., :2], region[..., 2:]
    centers = tf.cast((boxes[..., :2] + boxes[..., 2:]) / 2, tf.float64)
    inside = tf.reduce_all((centers >= low) & (centers <= high), axis=2)
    relative = (tf.cast(boxes, tf.float64) - tf.tile(low, [1, 1, 2])) / tf.tile(
        high - low, [1, 1, 2]
    )
    boxes = tf.clip_by_value(tf.cast(relative, tf.float32), 0.0, 1.0)
    has_area = tf.reduce_all(boxes[..., 2:] > boxes[..., :2], axis=2)
    return boxes, is_box & inside & has_area


def _mirrored(boxes):
    x1, y1, x2, y2 = tf.unstack(boxes, axis=2)
    return tf.stack([1 - x2, y1, 1 - x1, y2], axis=2)
