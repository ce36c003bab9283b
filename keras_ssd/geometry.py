"""Arithmetic on boxes: conversion, overlap, clipping, and the coding of offsets.

Boxes are arrays (..., 4). "Corners" are (x1, y1, x2, y2), "centers" are (cx, cy, w, h). Both are
relative to the image unless a function says otherwise. Every function takes and returns NumPy
arrays. With `xp=keras.ops`, or `xp=tensorflow.experimental.numpy` inside tf.data, it takes and
returns tensors.
"""

from collections.abc import Sequence
from math import log
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any  # a NumPy array, or a tensor of the library `xp`

# A decoded box is at most 62.5 times as large as its default box, so that no offset overflows
# (torchvision has the same limit). Default boxes of 0.03 or more can still reach the whole image.
MAX_LOG_SCALE = log(1000 / 16)
_TINY_AREA = 1e-12


def centers_to_corners(boxes: Array, xp: Any = np) -> Array:
    """Converts (cx, cy, w, h) to (x1, y1, x2, y2).

    Examples:
        >>> centers_to_corners(np.array([0.5, 0.5, 0.25, 0.5])).tolist()
        [0.375, 0.25, 0.625, 0.75]
    """
    centers, half_sizes = boxes[..., :2], boxes[..., 2:] / 2
    return xp.concatenate([centers - half_sizes, centers + half_sizes], axis=-1)


def corners_to_centers(boxes: Array, xp: Any = np) -> Array:
    """Converts (x1, y1, x2, y2) to (cx, cy, w, h)."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return xp.concatenate([(low + high) / 2, high - low], axis=-1)


def clip(boxes: Array, xp: Any = np) -> Array:
    """Cuts corner boxes to the image, [0, 1]."""
    return xp.clip(boxes, 0.0, 1.0)


def area(boxes: Array) -> Array:
    """Returns the areas (...) of corner boxes (..., 4), with widths and heights of 0 or more."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def intersection(a: Array, b: Array, xp: Any = np) -> Array:
    """Returns the areas shared by corner boxes `a` (..., M, 4) and `b` (..., N, 4): (..., M, N)."""
    a, b = a[..., :, None, :], b[..., None, :, :]  # (..., M, 1, 4), (..., 1, N, 4)

    def shared_side(low, high):
        side = xp.minimum(a[..., high], b[..., high]) - xp.maximum(a[..., low], b[..., low])
        return xp.maximum(side, 0.0)

    return shared_side(0, 2) * shared_side(1, 3)


def iou(a: Array, b: Array, xp: Any = np) -> Array:
    """Returns the IoU of corner boxes `a` (..., M, 4) and `b` (..., N, 4): (..., M, N).

    The IoU of a box without area is 0, also with itself.

    Examples:
        >>> left, right = np.array([[0, 0, 0.5, 1]]), np.array([[0.25, 0, 0.75, 1]])
        >>> iou(left, right).round(4).tolist()
        [[0.3333]]
    """
    shared = intersection(a, b, xp)
    union = area(a)[..., :, None] + area(b)[..., None, :] - shared
    return shared / xp.maximum(union, _TINY_AREA)


def encode(boxes: Array, default_boxes: Array, variances: Sequence[float], xp: Any = np) -> Array:
    """Returns the offsets from default boxes to boxes; the inverse of `decode`.

    Args:
        boxes: the boxes as corners (..., 4), with positive width and height.
        default_boxes: the default boxes as centers (..., 4).
        variances: the scale of the offsets (cx, cy, w, h).

    Returns:
        Offsets (..., 4): the shift of the center, relative to the size of the default box, and the
        logarithm of the ratio of the sizes, each divided by its variance (paper, section 2.2,
        equation 2).
    """
    centers = corners_to_centers(boxes, xp)
    shift = (centers[..., :2] - default_boxes[..., :2]) / default_boxes[..., 2:]
    log_scale = xp.log(centers[..., 2:] / default_boxes[..., 2:])
    return xp.concatenate([shift, log_scale], axis=-1) / xp.array(variances, "float32")


def decode(offsets: Array, default_boxes: Array, variances: Sequence[float], xp: Any = np) -> Array:
    """Returns the boxes that the offsets from default boxes lead to; the inverse of `encode`.

    Args:
        offsets: the offsets (..., 4).
        default_boxes: the default boxes as centers (..., 4).
        variances: the scale of the offsets (cx, cy, w, h).

    Returns:
        Corners (..., 4), which may reach beyond the image.
    """
    scaled = offsets * xp.array(variances, "float32")
    centers = scaled[..., :2] * default_boxes[..., 2:] + default_boxes[..., :2]
    log_scale = xp.minimum(scaled[..., 2:], MAX_LOG_SCALE)
    sizes = xp.exp(log_scale) * default_boxes[..., 2:]
    return centers_to_corners(xp.concatenate([centers, sizes], axis=-1), xp)
