"""The steps of the SSD paper's training augmentation: distort, expand, crop, resize, flip.

A step is called as `step(image, boxes, labels, rng)` and returns the new image, boxes and labels.
Images are RGB uint8 (H, W, 3). Boxes are relative corners, float32 (M, 4). Labels are int32 (M,).
A step draws its random numbers from `rng`, a numpy.random.Generator, and does not change its
arguments.

The numbers are the original's (Caffe `data_transformer.cpp`, `sampler.cpp`, `im_transforms.cpp`,
`ssd_pascal.py`; paper, section 2.2, "Data augmentation").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.random import Generator

from keras_ssd.geometry import clip, iou
from keras_ssd.images.opencv import cv2

Example: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
Step: TypeAlias = Callable[[np.ndarray, np.ndarray, np.ndarray, Generator], Example]

MEAN_COLOR = (123, 117, 104)
WHOLE_IMAGE = np.array([0.0, 0.0, 1.0, 1.0])
# The original's last sampler asks for an IoU of at most 1, which every crop has, as with 0.0.
MIN_CROP_OVERLAPS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.0)
INTERPOLATIONS = (
    cv2.INTER_LINEAR,
    cv2.INTER_AREA,
    cv2.INTER_NEAREST,
    cv2.INTER_CUBIC,
    cv2.INTER_LANCZOS4,
)


@dataclass(frozen=True)
class Sometimes:
    """A step that runs another step with some probability.

    Attributes:
        step: the step to run.
        probability: the probability that it runs, from 0 to 1.
    """

    step: Step
    probability: float = 0.5

    def __call__(
        self, image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, rng: Generator
    ) -> Example:
        if rng.random() < self.probability:
            return self.step(image, boxes, labels, rng)
        return image, boxes, labels


def distort(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, rng: Generator) -> Example:
    """Changes brightness, contrast, saturation and hue, each half of the time.

    Contrast is changed second or last, with equal chances.
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
    return image, boxes, labels


def adjust_brightness(image: np.ndarray, shift: float) -> np.ndarray:
    """Adds `shift` to every value, saturating at 0 and 255."""
    return cv2.LUT(image, _lookup_table(shift=shift))


def adjust_contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies every value by `factor`, saturating at 255."""
    return cv2.LUT(image, _lookup_table(factor=factor))


def adjust_saturation(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiplies the saturation of HSV by `factor`, saturating at 255."""
    return _adjust_hsv(image, channel=1, table=_lookup_table(factor=factor))


def adjust_hue(image: np.ndarray, shift: float) -> np.ndarray:
    """Adds `shift` to the hue, in OpenCV's steps of 2 degrees.

    As in the original, a hue stops at 0 (red) instead of wrapping to the purples, while a hue
    above 179 wraps.
    """
    return _adjust_hsv(image, channel=0, table=_lookup_table(shift=shift))


def expand(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, rng: Generator) -> Example:
    """Puts the image at a random place on a canvas of the mean color, 1 to 4 times as large."""
    height, width = image.shape[:2]
    ratio = rng.uniform(1.0, 4.0)
    canvas_height, canvas_width = int(height * ratio), int(width * ratio)
    spare_height, spare_width = canvas_height - height, canvas_width - width
    top, left = int(rng.uniform(0, spare_height)), int(rng.uniform(0, spare_width))
    borders = (top, spare_height - top, left, spare_width - left)
    canvas = cv2.copyMakeBorder(image, *borders, cv2.BORDER_CONSTANT, value=MEAN_COLOR)
    pixels = boxes * [width, height, width, height] + [left, top, left, top]
    boxes = pixels / [canvas_width, canvas_height, canvas_width, canvas_height]
    return canvas, boxes.astype(np.float32), labels


def crop(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, rng: Generator) -> Example:
    """Cuts out a random part that overlaps an object, or keeps the whole image.

    For each of `MIN_CROP_OVERLAPS` one crop is looked for (`sample_crop`). The whole image and the
    crops that were found are equally likely. An image without objects stays whole.

    An object stays if its center is in the crop or on its edge, and its box is clipped to the crop.
    A crop may lose all objects. Boxes are relative to the crop as drawn, but its pixels are rounded
    down (as in the original), so boxes may be off by less than two pixels.
    """
    found = [sample_crop(boxes, min_iou, rng) for min_iou in MIN_CROP_OVERLAPS]
    candidates = [WHOLE_IMAGE, *(candidate for candidate in found if candidate is not None)]
    chosen = candidates[rng.integers(len(candidates))]
    height, width = image.shape[:2]
    left, top, right, bottom = chosen * [width, height, width, height]
    crop_height, crop_width = max(1, int(bottom - top)), max(1, int(right - left))
    image = image[int(top) :, int(left) :][:crop_height, :crop_width]
    return image, *objects_within(chosen, boxes, labels)


def sample_crop(boxes: np.ndarray, min_iou: float, rng: Generator) -> np.ndarray | None:
    """Returns the first of 50 random crops (4,) with IoU >= `min_iou` with any box, or None."""
    crops = _random_crops(50, rng)
    overlapping = (iou(crops, boxes) >= min_iou).any(axis=1)  # (50, M) -> (50,)
    return crops[overlapping.argmax()] if overlapping.any() else None


def resize_randomly(image: np.ndarray, size: int, rng: Generator) -> np.ndarray:
    """Warps the image to (size, size, 3) with one of five interpolations."""
    interpolation = INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))]
    return cv2.resize(image, (size, size), interpolation=interpolation)


def flip(image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, rng: Generator) -> Example:
    """Mirrors the image and its boxes left to right; `Sometimes` makes it random."""
    x1, y1, x2, y2 = boxes.T
    return cv2.flip(image, 1), np.stack([1 - x2, y1, 1 - x1, y2], axis=1), labels


def objects_within(
    region: np.ndarray, boxes: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Keeps the objects that have their center in a region, with boxes relative to the region.

    Args:
        region: the corners (4,) of the region, relative to the image.
        boxes: (M, 4), corners relative to the image.
        labels: (M,), the label of each box.

    Returns:
        The boxes, float32 (M', 4), clipped to the region, and the labels (M',). Boxes without area
        are left out.
    """
    low, high = region[:2], region[2:]
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centers >= low) & (centers <= high)).all(axis=1)
    relative = (boxes[inside] - np.tile(low, 2)) / np.tile(high - low, 2)
    relative = clip(relative.astype(np.float32))
    has_area = (relative[:, 2:] > relative[:, :2]).all(axis=1)
    return relative[has_area], labels[inside][has_area]


def _lookup_table(factor: float = 1.0, shift: float = 0.0) -> np.ndarray:
    """Returns uint8 (256,): value -> factor * value + shift, rounded and saturated."""
    return np.clip(np.rint(np.arange(256) * factor + shift), 0, 255).astype(np.uint8)


def _adjust_hsv(image, channel, table):
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[..., channel] = cv2.LUT(hsv[..., channel], table)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def _random_crops(count, rng):
    """Draws corners (count, 4) within the image: scale 0.3 to 1 and aspect ratio 0.5 to 2."""
    scale = rng.uniform(0.3, 1.0, count)
    area = np.square(scale)  # exact, unlike a power, whose last bit depends on the processor
    aspect_ratio = np.clip(rng.uniform(0.5, 2.0, count), area, 1 / area)
    width, height = scale * np.sqrt(aspect_ratio), scale / np.sqrt(aspect_ratio)
    sizes = np.minimum(np.stack([width, height], axis=1), 1.0)  # rounding can exceed 1
    corners = rng.uniform(0.0, 1.0 - sizes)
    return np.concatenate([corners, corners + sizes], axis=1)
