"""What the layer `DecodeDetections` does, in NumPy, for exports that end at the raw outputs."""

import json

import numpy as np

from keras_ssd import boxes as box_math
from keras_ssd.config import SSDConfig
from keras_ssd.default_boxes import default_boxes as make_default_boxes


def read_settings(text: str) -> tuple[int, dict]:
    """From the JSON that exports hold: the image size, and `decode_detections`'s settings."""
    settings = json.loads(text)
    config = SSDConfig.from_dict(settings.pop("config"))
    boxes = make_default_boxes(config)
    return config.image_size, {"default_boxes": boxes, "variances": config.variances, **settings}


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
    scores = (exponentials / exponentials.sum(axis=-1, keepdims=True))[:, 1:]
    corners = box_math.decode(offsets, default_boxes, variances)
    boxes, labels, found = [], [], []
    for label in np.flatnonzero((scores > confidence_threshold).any(axis=0)):
        best = np.argsort(-scores[:, label], kind="stable")[:top_k]
        best = best[scores[best, label] > confidence_threshold]
        best = best[_not_suppressed(corners[best], iou_threshold)]
        boxes.append(corners[best])
        labels.append(np.full(len(best), label))
        found.append(scores[best, label])
    boxes, labels = np.concatenate([np.zeros((0, 4)), *boxes]), np.concatenate([[], *labels])
    found = np.concatenate([[], *found])
    order = np.argsort(-found, kind="stable")[:max_detections]
    return padded(box_math.clip(boxes[order]), labels[order], found[order], max_detections)


def padded(boxes, labels, scores, max_detections) -> dict[str, np.ndarray]:
    """One image's detections, filled up to D rows with box 0, label -1 and score 0."""
    empty = max_detections - len(scores)
    return {
        "boxes": np.pad(boxes, ((0, empty), (0, 0))).astype(np.float32),
        "labels": np.pad(labels, (0, empty), constant_values=-1).astype(np.int32),
        "scores": np.pad(scores, (0, empty)).astype(np.float32),
        "num_detections": np.int32(len(scores)),
    }


def _not_suppressed(corners, iou_threshold):
    """Mask of the boxes, best first, that no better kept box overlaps by more."""
    overlaps = box_math.iou(corners, corners) > iou_threshold
    kept = np.ones(len(corners), bool)
    for index in range(len(corners)):
        if kept[index]:
            kept[index + 1 :] &= ~overlaps[index, index + 1 :]
    return kept
