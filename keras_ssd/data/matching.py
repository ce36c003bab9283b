"""Computes the targets of default boxes from an image's objects, with TensorFlow inside tf.data."""

from typing import Any

import tensorflow as tf
import tensorflow.experimental.numpy as tnp

from keras_ssd import geometry
from keras_ssd.config import MATCHING_IOU

_TOUCHING = 1e-6  # boxes that overlap less never match


def match(boxes: Any, default_boxes: Any, iou_threshold: float = MATCHING_IOU) -> tf.Tensor:
    """Assigns objects to default boxes (paper, section 2.2; Caffe `bbox_util.cpp`, `MatchBBox`).

    First every object gets a default box of its own: of all free objects and free default boxes,
    the pair with the largest IoU is matched, until every object has one. Then every other default
    box takes the object with which it has the largest IoU, if that reaches the threshold. Among
    equal pairs, the one with the lower index is taken.

    Args:
        boxes: float32 (M, 4), corners; M may be 0.
        default_boxes: float32 (N, 4), corners.
        iou_threshold: the lowest IoU in the second step.

    Returns:
        int32 (N,), the index of each default box's object, or -1 for background.
    """
    boxes = tf.pad(boxes, [[0, 1], [0, 0]])  # so that there is always a box; it overlaps nothing
    overlaps = geometry.iou(boxes, default_boxes, tnp)  # (M + 1, N)
    nearest = tf.argmax(overlaps, axis=0, output_type=tf.int32)  # (N,)
    near_enough = tf.reduce_max(overlaps, axis=0) >= iou_threshold
    matches = tf.where(near_enough, nearest, -1)

    pairs = _pairs(overlaps)  # (pairs, 2) of default box, object
    return tf.tensor_scatter_nd_update(matches, pairs[:, :1], pairs[:, 1])


def _pairs(overlaps):
    """Gives objects default boxes of their own: int32 (pairs, 2) of default box, object."""
    objects = tf.cast(tf.where(tf.reduce_max(overlaps, axis=1) > _TOUCHING)[:, 0], tf.int32)
    best = tf.gather(tf.argmax(overlaps, axis=1, output_type=tf.int32), objects)
    # Usually each object has another best default box. Then no object has to give way.
    return tf.cond(
        tf.size(tf.unique(best).y) == tf.size(best),
        lambda: tf.stack([best, objects], axis=1),
        lambda: _bipartite_matches(overlaps),
    )


def _bipartite_matches(overlaps):
    """Returns the pairs where objects compete for default boxes; see `match`."""
    num_objects, num_default_boxes = tf.shape(overlaps)[0], tf.shape(overlaps)[1]
    # The other objects take at most num_objects - 1 of an object's default boxes, so one of its
    # best num_objects is always left for it.
    iou, candidates = tf.math.top_k(overlaps, tf.minimum(num_objects, num_default_boxes))
    objects = tf.range(num_objects)[:, None]
    order = candidates * num_objects + objects  # lower default box first, then lower object

    def free_pair_left(iou, pairs):
        return tf.reduce_max(iou) > _TOUCHING

    def take_best_pair(iou, pairs):
        best = iou == tf.reduce_max(iou)
        first = tf.reduce_min(tf.where(best, order, order.dtype.max))
        default_box, taken = first // num_objects, first % num_objects
        iou = tf.where((candidates == default_box) | (objects == taken), -1.0, iou)
        return iou, tf.concat([pairs, [[default_box, taken]]], axis=0)

    _, pairs = tf.while_loop(
        free_pair_left,
        take_best_pair,
        (iou, tf.zeros((0, 2), tf.int32)),
        shape_invariants=(iou.shape, tf.TensorShape((None, 2))),
    )
    return pairs


def encode_targets(
    boxes: Any,
    labels: Any,
    default_boxes: Any,
    variances: tuple[float, float, float, float],
    iou_threshold: float = MATCHING_IOU,
) -> dict[str, tf.Tensor]:
    """Returns the targets: the outputs that an SSD should give for an image with these objects.

    Args:
        boxes: float32 (M, 4), relative corners with area; M may be 0.
        labels: int32 (M,), from 0.
        default_boxes: float32 (N, 4), relative (cx, cy, w, h).
        variances: the variances of the SSDConfig.
        iou_threshold: the lowest IoU of a default box with its object, as in `match`.

    Returns:
        A dictionary, as the losses expect it:
            "offsets": float32 (N, 5). The last column is 1 where the default box is matched;
                elsewhere the whole row is 0.
            "classes": int32 (N,), 0 for background, label + 1 where matched.
    """
    matches = match(boxes, geometry.centers_to_corners(default_boxes, tnp), iou_threshold)
    count = tf.shape(matches, tf.int64)[0]
    matched = tf.where(matches >= 0)  # (matched, 1)
    objects = tf.gather_nd(matches, matched)
    offsets = geometry.encode(
        tf.gather(boxes, objects), tf.gather_nd(default_boxes, matched), variances, tnp
    )
    flags = tf.ones_like(offsets[:, :1])
    return {
        "offsets": tf.scatter_nd(matched, tf.concat([offsets, flags], axis=1), [count, 5]),
        "classes": tf.scatter_nd(matched, tf.gather(labels, objects) + 1, [count]),
    }
