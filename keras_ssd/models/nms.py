"""Greedy non-maximum suppression per class, on every Keras backend."""

from typing import Any

import keras
from keras import ops

from keras_ssd.geometry import iou


def non_max_suppression(
    boxes: Any,
    scores: Any,
    confidence_threshold: float,
    iou_threshold: float,
    max_detections: int,
) -> dict[str, Any]:
    """Applies greedy NMS to each class, then keeps the `max_detections` best boxes of all classes.

    Args:
        boxes: float32 (B, K, T, 4), corners.
        scores: float32 (B, K, T), descending along T.
        confidence_threshold: the score that a box must exceed.
        iou_threshold: a box is dropped if its IoU with a higher-scoring kept box exceeds this.
        max_detections: D, the largest number of boxes to keep, for all classes together.

    Returns:
        A dictionary of "boxes" (B, D, 4), "labels" int32 (B, D), "scores" (B, D), descending, and
        "num_detections" int32 (B,). Rows beyond `num_detections` have box 0, score 0, label -1.
    """
    suppress = _tensorflow_kernel if keras.backend.backend() == "tensorflow" else _keras_ops
    boxes, labels, scores = suppress(
        boxes, scores, confidence_threshold, iou_threshold, max_detections
    )
    found = scores > confidence_threshold
    return {
        "boxes": ops.where(found[..., None], boxes, 0.0),
        "labels": ops.where(found, ops.cast(labels, "int32"), -1),
        "scores": ops.where(found, scores, 0.0),
        "num_detections": ops.sum(ops.cast(found, "int32"), axis=-1),
    }


def _keras_ops(boxes, scores, confidence_threshold, iou_threshold, max_detections):
    num_classes, top_k = scores.shape[1:]
    better = ops.arange(top_k)[None, :] < ops.arange(top_k)[:, None]  # [i, j]: j before i

    def kept_of_class(boxes_and_scores):
        """Returns a mask (B, T) of the boxes of one class that stay."""
        boxes, scores = boxes_and_scores
        candidates = scores > confidence_threshold
        suppresses = ops.logical_and(iou(boxes, boxes, ops) > iou_threshold, better)  # (B, T, T)

        # A box stays if it is not suppressed by a box that stays. The loop starts with "all boxes
        # stay" and applies this rule until nothing changes. Each round settles at least the next
        # best box, and usually a few rounds settle all.
        def refine(kept, changed):
            suppressed = ops.any(ops.logical_and(suppresses, kept[..., None, :]), axis=-1)
            refined = ops.logical_and(candidates, ops.logical_not(suppressed))
            return refined, ops.any(ops.not_equal(refined, kept))

        kept, _ = ops.while_loop(
            lambda kept, changed: changed, refine, (candidates, ops.any(candidates))
        )
        return kept

    # One class at a time, because the IoUs of all classes at once, (B, K, T, T), take gigabytes.
    by_class = ops.transpose(boxes, (1, 0, 2, 3)), ops.transpose(scores, (1, 0, 2))
    kept = ops.transpose(ops.map(kept_of_class, by_class), (1, 0, 2))  # (B, K, T)
    total = num_classes * top_k
    scores = ops.reshape(ops.where(kept, scores, 0.0), (-1, total))
    scores, indices = ops.top_k(scores, min(max_detections, total))
    boxes = ops.take_along_axis(ops.reshape(boxes, (-1, total, 4)), indices[..., None], axis=1)
    padding = max(max_detections - total, 0)
    return (
        ops.pad(boxes, ((0, 0), (0, padding), (0, 0))),
        ops.pad(indices // top_k, ((0, 0), (0, padding))),
        ops.pad(scores, ((0, 0), (0, padding))),
    )


def _tensorflow_kernel(boxes, scores, confidence_threshold, iou_threshold, max_detections):
    import tensorflow as tf

    boxes, scores, labels, _ = tf.image.combined_non_max_suppression(
        boxes=tf.transpose(boxes, (0, 2, 1, 3)),  # (B, T, K, 4); the IoU of xyxy is that of yxyx
        scores=tf.transpose(scores, (0, 2, 1)),  # (B, T, K)
        max_output_size_per_class=scores.shape[-1],
        max_total_size=max_detections,
        iou_threshold=iou_threshold,
        score_threshold=confidence_threshold,
        clip_boxes=False,
    )
    return boxes, labels, scores
