"""The paper's augmentation of training images, with TensorFlow, for batches inside tf.data."""

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from keras_ssd.data.augmentation import LARGEST_SIDE
from keras_ssd.data.augmentation_steps import MEAN_COLOR
from keras_ssd.data.tf_colors import Colors, apply_colors, draw_colors
from keras_ssd.data.tf_draws import draw
from keras_ssd.data.tf_reading import MOST_HALVINGS
from keras_ssd.data.tf_windows import Windows, draw_windows, whole_images


class Plans(NamedTuple):
    """How a batch of B images becomes training images with a side of S pixels.

    Attributes:
        part: int32 (B, 4), top, left, height and width of the part of the image that is seen.
        halvings: int32 (B,), how many times the part is halved in size when it is decoded.
        place: int32 (B, 4), top, left, height and width of the part in the training image, before
            that is mirrored. It is empty if nothing of the image is seen.
        flipped: bool (B,), whether the training image is mirrored.
        colors: the changes of color, or None for none.
        boxes: float32 (B, M, 4), the boxes in the training images.
        kept: bool (B, M), which of the boxes stay.
    """

    part: tf.Tensor
    halvings: tf.Tensor
    place: tf.Tensor
    flipped: tf.Tensor
    colors: Colors | None
    boxes: tf.Tensor
    kept: tf.Tensor


@dataclass(frozen=True)
class TFPaperAugmentation:
    """The paper's augmentation as TensorFlow operations, several times as fast as in NumPy.

    `training_dataset` takes it by default. Expansion, crop and mirroring are those of
    `PaperAugmentation`. The resize is always bilinear. The changes of color are applied after the
    resize, in one step (`keras_ssd.data.tf_colors`). A photo with a side of more than 4 times the
    training image is decoded at a half, a quarter or an eighth of its size, as long as the window
    keeps as many pixels as the training image shows of it.

    Attributes:
        expand: whether half of the images are put on a canvas of up to 4 times their size, so that
            objects become small.

    Examples:
        >>> import keras_ssd
        >>> keras_ssd.data.TFPaperAugmentation(expand=False)
        TFPaperAugmentation(expand=False)
    """

    expand: bool = True

    def plan(
        self,
        seed: int,
        first_position: tf.Tensor,
        boxes: tf.Tensor,
        is_box: tf.Tensor,
        sizes: tf.Tensor,
        image_size: int,
    ) -> Plans:
        """Draws what becomes of a batch.

        Args:
            seed: the seed of the draws.
            first_position: int64 scalar, the position of the batch's first example.
            boxes: float32 (B, M, 4), relative corners, padded to M boxes.
            is_box: bool (B, M), which rows are boxes and not padding.
            sizes: int32 (B, 2), height and width of the images in pixels; B is static.
            image_size: S, the side of the training image in pixels.
        """
        draws = draw(seed, first_position, sizes.shape[0])
        windows = draw_windows(draws, boxes, is_box, sizes, expand=self.expand)
        return _plans(windows, draw_colors(draws), sizes, image_size)


@dataclass(frozen=True)
class TFResize:
    """Only warps the images, as TensorFlow operations; it has the method of TFPaperAugmentation."""

    def plan(
        self,
        seed: int,
        first_position: tf.Tensor,
        boxes: tf.Tensor,
        is_box: tf.Tensor,
        sizes: tf.Tensor,
        image_size: int,
    ) -> Plans:
        """Returns plans that draw nothing; see TFPaperAugmentation."""
        return _plans(whole_images(boxes, is_box, sizes), None, sizes, image_size)


def augmented_pixels(pixels: tf.Tensor, plan: Plans, image_size: int) -> tf.Tensor:
    """Makes one training image from the part that a plan asks for.

    Args:
        pixels: uint8 (H, W, 3), the decoded part; or (0, 0, 3), which makes a blank image.
        plan: the plan of this image, without the axis of the batch.
        image_size: S, the side of the training image in pixels.

    Returns:
        uint8 (S, S, 3).
    """
    is_blank = tf.equal(tf.size(pixels), 0)
    pixels = tf.cond(is_blank, lambda: tf.zeros((1, 1, 3), tf.uint8), lambda: pixels)
    place = tf.where(is_blank, 0, plan.place)
    resized = tf.raw_ops.ResizeBilinear(
        images=tf.cast(pixels, tf.float32)[None],
        size=tf.maximum(place[2:], 1),
        half_pixel_centers=True,
    )[0]
    if plan.colors is None:
        resized = tf.cast(resized + 0.5, tf.uint8)
    else:
        resized = apply_colors(resized, plan.colors)
    image = _on_mean_color(resized, place, image_size)
    return tf.cond(plan.flipped, lambda: tf.reverse(image, [1]), lambda: image)


def _plans(windows: Windows, colors, sizes, image_size) -> Plans:
    first = tf.maximum(windows.corner, 0)
    last = tf.minimum(windows.corner + windows.size, sizes)
    is_seen = tf.reduce_all(last > first, axis=1, keepdims=True)
    # A pixel of the image is decoded in any case.
    first = tf.where(is_seen, first, 0)
    last = tf.where(is_seen, last, 1)
    scale = image_size / windows.size  # float64 (B, 2)

    def placed(edge):
        edge = tf.cast(edge - windows.corner, tf.float64) * scale
        return tf.cast(tf.round(edge), tf.int32)

    start, end = placed(first), placed(last)
    place = tf.concat([start, end - start], axis=1)
    is_seen &= tf.reduce_all(end > start, axis=1, keepdims=True)
    place = tf.where(is_seen, place, 0)
    return Plans(
        part=tf.concat([first, last - first], axis=1),
        halvings=_halvings(sizes, last - first, place[:, 2:], image_size),
        place=place,
        flipped=windows.flipped,
        colors=colors,
        boxes=windows.boxes,
        kept=windows.kept,
    )


def _halvings(sizes, part, place, image_size):
    """Returns how often parts (B, 2) can be halved and still have the pixels of their places."""
    shrinks = tf.reduce_min(part // tf.maximum(place, 1), axis=1)
    possible = sum(tf.cast(shrinks >= 2**n, tf.int32) for n in range(1, MOST_HALVINGS + 1))
    is_large = tf.reduce_max(sizes, axis=1) > LARGEST_SIDE * image_size
    return tf.where(is_large, possible, 0)


def _on_mean_color(pixels, place, image_size):
    """Puts pixels on a square of the mean color, with the corner and size of `place`."""
    top, left, height, width = tf.unstack(place)
    pixels = tf.reshape(pixels[:height, :width], (height, 3 * width))
    color = tf.tile(tf.constant(MEAN_COLOR, tf.uint8), [image_size**2])

    def filled(height, width):
        return tf.reshape(color[: 3 * height * width], (height, 3 * width))

    rows = tf.concat(
        [filled(height, left), pixels, filled(height, image_size - left - width)], axis=1
    )
    image = tf.concat(
        [filled(top, image_size), rows, filled(image_size - top - height, image_size)], axis=0
    )
    return tf.reshape(image, (image_size, image_size, 3))
