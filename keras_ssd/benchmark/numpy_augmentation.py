"""The augmentation of ssd.pytorch in plain NumPy and OpenCV, to measure against.

It is written from the published description: a chain of steps on float32 images, colors first, then
expansion, a random crop, mirroring and a resize. Its results are not used.
"""

import numpy as np
from numpy.random import Generator

from keras_ssd.data.augmentation_steps import MEAN_COLOR
from keras_ssd.geometry import iou
from keras_ssd.images.opencv import cv2

_OVERLAPS = (None, 0.1, 0.3, 0.7, 0.9, 0.0)  # None keeps the whole image
_TRIALS = 50


def augment_as_ssd_pytorch(
    image: np.ndarray, boxes: np.ndarray, labels: np.ndarray, size: int, rng: Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Augments one image.

    Args:
        image: RGB uint8 (H, W, 3).
        boxes: float32 (M, 4), relative corners.
        labels: int32 (M,).
        size: S, the side of the result in pixels.
        rng: the source of all random numbers.

    Returns:
        The image minus the mean color, float32 (S, S, 3), the boxes and the labels.
    """
    height, width = image.shape[:2]
    boxes = boxes * np.array([width, height, width, height], np.float32)
    image = _distort(image.astype(np.float32), rng)
    if rng.random() < 0.5:
        image, boxes = _expand(image, boxes, rng)
    if len(boxes):
        image, boxes, labels = _crop(image, boxes, labels, rng)
    height, width = image.shape[:2]
    if rng.random() < 0.5:
        image = image[:, ::-1]
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], 1)
    image = cv2.resize(np.ascontiguousarray(image), (size, size)) - np.array(MEAN_COLOR, np.float32)
    return image, boxes / np.array([width, height, width, height], np.float32), labels


def _distort(image, rng):
    if rng.random() < 0.5:
        image = image + np.float32(rng.uniform(-32, 32))
    contrast_first = rng.random() < 0.5
    if contrast_first and rng.random() < 0.5:
        image = image * np.float32(rng.uniform(0.5, 1.5))
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    if rng.random() < 0.5:
        hsv[..., 1] *= rng.uniform(0.5, 1.5)
    if rng.random() < 0.5:
        hsv[..., 0] = (hsv[..., 0] + rng.uniform(-18, 18)) % 360
    image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    if not contrast_first and rng.random() < 0.5:
        image = image * np.float32(rng.uniform(0.5, 1.5))
    if rng.random() < 0.5:
        image = image[..., rng.permutation(3)]
    return image


def _expand(image, boxes, rng):
    height, width, channels = image.shape
    ratio = rng.uniform(1, 4)
    left, top = rng.uniform(0, width * ratio - width), rng.uniform(0, height * ratio - height)
    canvas = np.empty((int(height * ratio), int(width * ratio), channels), np.float32)
    canvas[:] = MEAN_COLOR
    canvas[int(top) : int(top) + height, int(left) : int(left) + width] = image
    return canvas, boxes + np.array([int(left), int(top)] * 2, np.float32)


def _crop(image, boxes, labels, rng):
    height, width = image.shape[:2]
    while True:
        least = _OVERLAPS[rng.integers(len(_OVERLAPS))]
        if least is None:
            return image, boxes, labels
        for _ in range(_TRIALS):
            wide, high = rng.uniform(0.3 * width, width), rng.uniform(0.3 * height, height)
            if not 0.5 <= high / wide <= 2:
                continue
            left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
            crop = np.array([int(left), int(top), int(left + wide), int(top + high)])
            if iou(boxes, crop[None].astype(np.float32)).max() < least:
                continue
            centers = (boxes[:, :2] + boxes[:, 2:]) / 2
            inside = ((centers > crop[:2]) & (centers < crop[2:])).all(axis=1)
            if not inside.any():
                continue
            kept = np.clip(boxes[inside], np.tile(crop[:2], 2), np.tile(crop[2:], 2))
            part = image[crop[1] : crop[3], crop[0] : crop[2]]
            return part, kept - np.tile(crop[:2], 2).astype(np.float32), labels[inside]
