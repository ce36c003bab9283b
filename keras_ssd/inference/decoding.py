"""What the layer `DecodeDetections` does, in NumPy, for exports that end at the raw outputs."""

import json

import numpy as np

from keras_ssd import geometry
from keras_ssd.config import SSDConfig
from keras_ssd.default_boxes import default_boxes as make_default_boxes


def read_settings(text: str) -> dict:
    """From the JSON that exports hold: `decode_detections`'s settings."""
    settings = json.loads(text)
    config = SSDConfig.from_dict(settings.pop("config"))
    return {
        "default_boxes": make_default_boxes(config),
        "variances": config.variances,
        **settings,
    }


def decode_detections(
    offsets,
    logits,
    default_boxes,
    *,
    variances,
    confidence_threshold,
    iou_threshold,
    max_detections,
    top_k,
) -> dict[str, np.ndarray]:
    """From an SSD's raw outputs for one image to its detections; see `DecodeDetections`.

    Args:
        offsets: float32 (N, 4).
        logits: float32 (N, K + 1), background first.
        default_boxes: float32 (N, 4), relative (cx, cy, w, h).
        variances, confidence_threshold, iou_threshold, max_detections, top_k: the layer's.

    Returns:
        As the layer: "boxes" (D, 4), "labels" (D,), "scores" (D,) and "num_detections" ().
    """
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores = (exponentials[:, 1:] / exponentials.sum(axis=-1, keepdims=True)).T  # (K, N)
    candidates = [_best(of_class, confidence_threshold, top_k) for of_class in scores]
    labels = np.repeat(np.arange(len(scores)), [len(best) for best in candidates])
    indices = np.concatenate(candidates)
    order = np.argsort(-scores[labels, indices], kind="stable")
    labels, indices = labels[order], indices[order]
    boxes = geometry.decode(offsets[indices], default_boxes[indices], variances)
    kept = _not_suppressed(boxes, labels, iou_threshold, max_detections)
    labels, indices = labels[kept], indices[kept]
    return padded(geometry.clip(boxes[kept]), labels, scores[labels, indices], max_detections)


def padded(boxes, labels, scores, max_detections) -> dict[str, np.ndarray]:
    """One image's detections, filled up to D rows with box 0, label -1 and score 0."""
    empty = max_detections - len(scores)
    return {
        "boxes": np.pad(boxes, ((0, empty), (0, 0))).astype(np.float32),
        "labels": np.pad(labels, (0, empty), constant_values=-1).astype(np.int32),
        "scores": np.pad(scores, (0, empty)).astype(np.float32),
        "num_detections": np.int32(len(scores)),
    }


def _best(scores, confidence_threshold, top_k):
    """Indices of the best scores above the threshold, best first."""
    indices = np.flatnonzero(scores > confidence_threshold)
    return indices[np.argsort(-scores[indices], kind="stable")[:top_k]]


def _not_suppressed(boxes, labels, iou_threshold, max_detections):
    """The first rows that no earlier kept box of their class overlaps by more."""
    rows_of = {label: np.flatnonzero(labels == label) for label in np.unique(labels)}
    free, kept = np.ones(len(boxes), bool), []
    for row, label in enumerate(labels):
        if not free[row]:
            continue
        kept.append(row)
        if len(kept) == max_detections:
            break
        rows = rows_of[label]
        free[rows] &= geometry.iou(boxes[row : row + 1], boxes[rows])[0] <= iou_threshold
    return np.array(kept, int)
