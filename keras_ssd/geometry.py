"""Arithmetic on boxes: conversion, overlap, clipping, and the coding of offsets.

Boxes are arrays (..., 4). "Corners" are (x1, y1, x2, y2); "centers" are (cx, cy, w, h). Both are
relative to the image unless a function says otherwise. Every function takes NumPy arrays, or
with `xp=keras.ops` (`xp=tensorflow.experimental.numpy` inside tf.data) tensors.
"""

from math import log

import numpy as np

# A decoded box is at most 62.5 times as large as its default box, so that no offset overflows
# (torchvision's limit). Default boxes of 0.03 and up can still reach the whole image.
MAX_LOG_SCALE = log(1000 / 16)
_TINY_AREA = 1e-12


def centers_to_corners(boxes, xp=np):
    """(cx, cy, w, h) -> (x1, y1, x2, y2)."""
    centers, half_sizes = boxes[..., :2], boxes[..., 2:] / 2
    return xp.concatenate([centers - half_sizes, centers + half_sizes], axis=-1)


def corners_to_centers(boxes, xp=np):
    """(x1, y1, x2, y2) -> (cx, cy, w, h)."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return xp.concatenate([(low + high) / 2, high - low], axis=-1)


def clip(boxes, xp=np):
    """Corners cut to the image, [0, 1]."""
    return xp.clip(boxes, 0.0, 1.0)


def area(boxes):
    """Area of corner boxes (..., 4) -> (...); negative sides are the caller's mistake."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def intersection(a, b, xp=np):
    """Area that each box of `a` (..., M, 4) shares with each of `b` (..., N, 4): (..., M, N)."""
    a, b = a[..., :, None, :], b[..., None, :, :]  # (..., M, 1, 4), (..., 1, N, 4)
    low = xp.maximum(a[..., :2], b[..., :2])
    high = xp.minimum(a[..., 2:], b[..., 2:])
    sides = xp.maximum(high - low, 0.0)
    return sides[..., 0] * sides[..., 1]


def iou(a, b, xp=np):
    """Intersection over union of corner boxes (..., M, 4) and (..., N, 4): (..., M, N).

    A box without area overlaps nothing, itself included.
    """
    shared = intersection(a, b, xp)
    union = area(a)[..., :, None] + area(b)[..., None, :] - shared
    return shared / xp.maximum(union, _TINY_AREA)


def encode(boxes, default_boxes, variances, xp=np):
    """Offsets that lead from default boxes to boxes; the inverse of `decode`.

    Args:
        boxes: corners (..., 4) of positive width and height.
        default_boxes: centers (..., 4).
        variances: scale of the offsets (cx, cy, w, h).

    Returns:
        Offsets (..., 4): the centre's shift in default-box sizes and the logarithm of the size's
        ratio, each divided by its variance (paper, section 2.2, equation 2).
    """
    centers = corners_to_centers(boxes, xp)
    shift = (centers[..., :2] - default_boxes[..., :2]) / default_boxes[..., 2:]
    log_scale = xp.log(centers[..., 2:] / default_boxes[..., 2:])
    return xp.concatenate([shift, log_scale], axis=-1) / xp.array(variances, "float32")


def decode(offsets, default_boxes, variances, xp=np):
    """Corner boxes (..., 4), unclipped, that offsets (..., 4) of default boxes (centers) mean."""
    scaled = offsets * xp.array(variances, "float32")
    centers = scaled[..., :2] * default_boxes[..., 2:] + default_boxes[..., :2]
    log_scale = xp.minimum(scaled[..., 2:], MAX_LOG_SCALE)
    sizes = xp.exp(log_scale) * default_boxes[..., 2:]
    return centers_to_corners(xp.concatenate([centers, sizes], axis=-1), xp)
