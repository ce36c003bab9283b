"""Training augmentation of the paper: distort, expand, crop, resize, flip.

Images are RGB uint8 (H, W, 3); boxes are relative corners (M, 4); labels are (M,). Every function
draws from the `rng` it is given and leaves its arguments as they are.

Order and numbers are the original's (Caffe `annotated_data_layer.cpp`, `data_transformer.cpp`,
`sampler.cpp`, `im_transforms.cpp`, `ssd_pascal.py`; paper, section 2.2, "Data augmentation").
Two things differ: the original encodes the image as JPEG after each step, which only adds
artifacts and is left out; and the mean is subtracted by the model, not here.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from keras_ssd.geometry import clip, iou
from keras_ssd.images import resize_image

MEAN_COLOR = (123, 117, 104)
# In result sides: a photo of more pixels is shrunk first, lest an expansion take gigabytes. The
# smallest crop of the largest image still has more pixels than the result.
LARGEST_SIDE = 4
WHOLE_IMAGE = np.array([0.0, 0.0, 1.0, 1.0])
# The original's last sampler asks for an IoU of at most 1, which is one of at least 0.
MIN_CROP_OVERLAPS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.0)
INTERPOLATIONS = (
    cv2.INTER_LINEAR,
    cv2.INTER_AREA,
    cv2.INTER_NEAREST,
    cv2.INTER_CUBIC,
    cv2.INTER_LANCZOS4,
)


@dataclass(frozen=True)
class PaperAugmentation:
    """Turns an image and its objects into a training example; each field switches a step off.

    With all switches off the image is only warped to its new size, bilinearly.

    Attributes:
        distort: change colors, see `distort`.
        expand: half of the time, zoom out, see `expand`.
        crop: zoom in, see `crop`.
        flip: half of the time, mirror, see `flip`.
        random_interpolation: resize in one of five ways, see `resize`.
    """

    distort: bool = True
    expand: bool = True
    crop: bool = True
    flip: bool = True
    random_interpolation: bool = True

    def __call__(self, image, boxes, labels, image_size, rng):
        """Augments one example.

        Args:
            image: RGB uint8 (H, W, 3).
            boxes: (M, 4), relative corners; M may be 0.
            labels: (M,).
            image_size: side S of the square result, in pixels.
            rng: numpy.random.Generator; the result is a function of its state.

        Returns:
            Image uint8 (S, S, 3); boxes float32 (M', 4), within [0, 1] and with area; labels
            int32 (M',). M' may be smaller than M, and 0.

        Raises:
            ValueError: image, boxes or labels have another shape, or the image another dtype.
        """
        boxes, labels = np.asarray(boxes, np.float32), np.asarray(labels, np.int32)
        _check(image, boxes, labels)
        if self.expand:
            image = _at_most(image, LARGEST_SIDE * image_size)
        if self.distort:
            image = distort(image, rng)
        if self.expand and rng.random() < 0.5:
            image, boxes = expand(image, boxes, rng)
        if self.crop:
            image, boxes, labels = crop(image, boxes, labels, rng)
        if self.random_interpolation:
            image = resize(image, image_size, rng)
        else:
            image = resize_image(image, image_size)
        if self.flip and rng.random() < 0.5:
            image, boxes = flip(image, boxes)
        return image, *_objects_within(WHOLE_IMAGE, boxes, labels)


def _at_most(image, side):
    """The image, shrunk if its longer side has more than so many pixels."""
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(scale * pixels)) for pixels in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def distort(image, rng):
    """Changes brightness, contrast, saturation and hue, each half of the time.

    Contrast comes second or last, with equal chances.
    """
    adjustments = [
        (adjust_brightness, -32, 32),
        (adjust_saturation, 0.5, 1.5),
        (adjust_hue, -18, 18),
    ]
    adjustments.insert(1 if rng.random() < 0.5 else 3, (adjust_contrast, 0.5, 1.5))
    for adjust, low, high in adjustments:
        if rng.random() < 0.5:
            image = adjust(image, rng.uniform(low, high))
    return image


def adjust_brightness(image, shift):
    """Adds `shift` to every value, saturating at 0 and 255."""
    return cv2.LUT(image, _lookup_table(shift=shift))


def adjust_contrast(image, factor):
    """Multiplies every value by `factor`, saturating at 255."""
    return cv2.LUT(image, _lookup_table(factor=factor))


def adjust_saturation(image, factor):
    """Multiplies the saturation of HSV by `factor`, saturating at 255."""
    return _adjust_hsv(image, channel=1, table=_lookup_table(factor=factor))


def adjust_hue(image, shift):
    """Adds `shift` to the hue, in OpenCV's steps of 2 degrees.

    As in the original a hue stops at 0 (red) instead of wrapping to the purples; one above 179
    does wrap.
    """
    return _adjust_hsv(image, channel=0, table=_lookup_table(shift=shift))


def expand(image, boxes, rng):
    """Puts the image at a random place on a mean-colored canvas, 1 to 4 times as wide and high."""
    height, width = image.shape[:2]
    ratio = rng.uniform(1.0, 4.0)
    canvas_height, canvas_width = int(height * ratio), int(width * ratio)
    spare_height, spare_width = canvas_height - height, canvas_width - width
    top, left = int(rng.uniform(0, spare_height)), int(rng.uniform(0, spare_width))
    borders = (top, spare_height - top, left, spare_width - left)
    canvas = cv2.copyMakeBorder(image, *borders, cv2.BORDER_CONSTANT, value=MEAN_COLOR)
    pixels = boxes * [width, height, width, height] + [left, top, left, top]
    boxes = pixels / [canvas_width, canvas_height, canvas_width, canvas_height]
    return canvas, boxes.astype(np.float32)


def crop(image, boxes, labels, rng):
    """Cuts out a random part that overlaps an object, or keeps the whole image.

    Each of `MIN_CROP_OVERLAPS` looks for one crop (`sample_crop`). The whole image and the crops
    found are equally likely. An image without objects stays whole.

    Objects stay if their center is in the crop, edges included; their boxes are clipped to it. A
    crop may lose all objects. Boxes are relative to the crop as drawn, whereas its pixels are
    rounded down (as in the original), so they may be off by less than two pixels.
    """
    found = [sample_crop(boxes, min_iou, rng) for min_iou in MIN_CROP_OVERLAPS]
    candidates = [WHOLE_IMAGE, *(candidate for candidate in found if candidate is not None)]
    chosen = candidates[rng.integers(len(candidates))]
    height, width = image.shape[:2]
    left, top, right, bottom = chosen * [width, height, width, height]
    crop_height, crop_width = max(1, int(bottom - top)), max(1, int(right - left))
    image = image[int(top) :, int(left) :][:crop_height, :crop_width]
    return image, *_objects_within(chosen, boxes, labels)


def sample_crop(boxes, min_iou, rng):
    """The first of 50 random crops (4,) with an IoU of at least `min_iou` with any box, or None."""
    crops = _random_crops(50, rng)
    overlapping = (iou(crops, boxes) >= min_iou).any(axis=1)  # (50, M) -> (50,)
    return crops[overlapping.argmax()] if overlapping.any() else None


def resize(image, size, rng):
    """Warps the image to (size, size, 3) with one of five interpolations."""
    interpolation = INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))]
    return cv2.resize(image, (size, size), interpolation=interpolation)


def flip(image, boxes):
    """Mirrors image and boxes left to right, always; its own inverse."""
    x1, y1, x2, y2 = boxes.T
    return cv2.flip(image, 1), np.stack([1 - x2, y1, 1 - x1, y2], axis=1)


def _check(image, boxes, labels):
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"image must be uint8 (H, W, 3), not {image.dtype} {image.shape}")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes must be (M, 4), not {boxes.shape}")
    if labels.shape != boxes.shape[:1]:
        raise ValueError(f"labels must be ({len(boxes)},), one per box, not {labels.shape}")


def _lookup_table(factor=1.0, shift=0.0):
    """uint8 (256,): value -> factor * value + shift, rounded and saturated."""
    return np.clip(np.rint(np.arange(256) * factor + shift), 0, 255).astype(np.uint8)


def _adjust_hsv(image, channel, table):
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., channel] = cv2.LUT(hsv[..., channel], table)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _random_crops(count, rng):
    """(count, 4) corners: area 0.3^2 to 1, width to height 0.5 to 2, within the image."""
    scale = rng.uniform(0.3, 1.0, count)
    aspect_ratio = np.clip(rng.uniform(0.5, 2.0, count), scale**2, scale**-2)
    width, height = scale * np.sqrt(aspect_ratio), scale / np.sqrt(aspect_ratio)
    sizes = np.minimum(np.stack([width, height], axis=1), 1.0)  # rounding can exceed 1
    corners = rng.uniform(0.0, 1.0 - sizes)
    return np.concatenate([corners, corners + sizes], axis=1)


def _objects_within(region, boxes, labels):
    """The objects whose center is in the region, as seen from there; none without area."""
    low, high = region[:2], region[2:]
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centers >= low) & (centers <= high)).all(axis=1)
    relative = (boxes[inside] - np.tile(low, 2)) / np.tile(high - low, 2)
    relative = clip(relative.astype(np.float32))
    has_area = (relative[:, 2:] > relative[:, :2]).all(axis=1)
    return relative[has_area], labels[inside][has_area]
