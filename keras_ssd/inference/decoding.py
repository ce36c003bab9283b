"""Decoding in NumPy, as the layer `DecodeDetections` does it, for files that give raw outputs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_ssd import geometry
from keras_ssd.config import SSDConfig
from keras_ssd.default_boxes import default_boxes as make_default_boxes
from keras_ssd.inference import thresholds
from keras_ssd.inference.thresholds import ThresholdSettings

_SETTINGS = ("config", *thresholds.NAMES, "top_k")


@dataclass(frozen=True, kw_only=True)
class DecodingSettings(ThresholdSettings):
    """The settings that turn raw outputs into detections.

    Attributes:
        confidence_threshold, iou_threshold, max_detections: as in `ThresholdSettings`.
        config: the SSDConfig of the network: its default boxes and variances.
        top_k: as in `DecodeDetections`, from 1 to 100,000.

    Raises:
        ValueError: a value has another type or is out of range; the message names it.
    """

    config: SSDConfig
    top_k: int

    def __post_init__(self):
        super().__post_init__()
        thresholds.check_count("top_k", self.top_k)

    def to_json(self) -> str:
        """Returns the text that exported files contain; `from_json` is the inverse."""
        return json.dumps({**vars(self), "config": self.config.to_dict()})

    @classmethod
    def from_json(cls, text: str) -> "DecodingSettings":
        """Reads the text of an exported file.

        Raises:
            ValueError: the text does not contain these settings.
        """
        values = json.loads(text)
        if not isinstance(values, dict) or set(values) != set(_SETTINGS):
            raise ValueError(f"decoding: expected the settings {', '.join(_SETTINGS)}")
        return cls(**{**values, "config": SSDConfig.from_dict(values["config"])})


class Decoder:
    """Decodes the raw outputs of a network with the settings in its exported file.

    Attributes:
        settings: the settings, which may be replaced at any time.

    Args:
        settings: the settings in the file.
        num_classes: K, the number of class names in the file.
        image_size: the side of the network's input in pixels.
        offsets_shape, classes_shape: the shapes of the network's outputs, without the batch.

    Raises:
        ValueError: the sizes and shapes do not fit together.
    """

    def __init__(
        self,
        settings: DecodingSettings,
        *,
        num_classes: int,
        image_size: int,
        offsets_shape: Sequence[int],
        classes_shape: Sequence[int],
    ):
        num_boxes = settings.config.num_default_boxes  # compared before so many boxes are made
        for name, found, expected in (
            ("offsets", tuple(offsets_shape), (num_boxes, 4)),
            ("classes", tuple(classes_shape), (num_boxes, num_classes + 1)),
            ("image size", image_size, settings.config.image_size),
        ):
            if found != expected:
                raise ValueError(
                    f"{name}: the network has {found}, but its settings and class names {expected}"
                )
        self.settings = settings
        self.default_boxes = make_default_boxes(settings.config)

    def __call__(self, offsets: np.ndarray, logits: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the detections of a batch; see `ObjectDetector.predict_on_batch`.

        Args:
            offsets: float32 (B, N, 4).
            logits: float32 (B, N, K + 1).

        Raises:
            ValueError: a raw output is infinite or not a number.
        """
        if not np.isfinite(offsets).all() or not np.isfinite(logits).all():
            raise ValueError("raw outputs: expected finite numbers")
        settings = self.settings  # which another thread may replace
        found = [
            decode_detections(*one, self.default_boxes, settings)
            for one in zip(offsets, logits, strict=True)
        ]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}


def decode_detections(
    offsets: np.ndarray, logits: np.ndarray, default_boxes: np.ndarray, settings: DecodingSettings
) -> dict[str, np.ndarray]:
    """Turns an SSD's raw outputs for one image into its detections; see `DecodeDetections`.

    Args:
        offsets: float32 (N, 4).
        logits: float32 (N, K + 1), background first.
        default_boxes: float32 (N, 4), relative (cx, cy, w, h).
        settings: the thresholds, and the variances of the offsets.

    Returns:
        The layer's dictionary: "boxes" (D, 4), "labels" (D,), "scores" (D,) and
        "num_detections" ().
    """
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    scores = (exponentials[:, 1:] / exponentials.sum(axis=-1, keepdims=True)).T  # (K, N)
    candidates = [_best(of_class, settings) for of_class in scores]
    labels = np.repeat(np.arange(len(scores)), [len(best) for best in candidates])
    indices = np.concatenate(candidates)
    order = np.argsort(-scores[labels, indices], kind="stable")
    labels, indices = labels[order], indices[order]
    boxes = geometry.decode(offsets[indices], default_boxes[indices], settings.config.variances)
    kept = not_suppressed(boxes, labels, settings)
    labels, indices = labels[kept], indices[kept]
    boxes = geometry.clip(boxes[kept])
    return padded(boxes, labels, scores[labels, indices], settings.max_detections)


def padded(
    boxes: np.ndarray, labels: np.ndarray, scores: np.ndarray, max_detections: int
) -> dict[str, np.ndarray]:
    """Returns the detections of one image, padded to D rows with box 0, label -1 and score 0."""
    empty = max_detections - len(scores)
    return {
        "boxes": np.pad(boxes, ((0, empty), (0, 0))).astype(np.float32),
        "labels": np.pad(labels, (0, empty), constant_values=-1).astype(np.int32),
        "scores": np.pad(scores, (0, empty)).astype(np.float32),
        "num_detections": np.array(len(scores), np.int32),
    }


def _best(scores, settings):
    """Indices of the best scores above the threshold, best first."""
    indices = np.flatnonzero(scores > settings.confidence_threshold)
    return indices[np.argsort(-scores[indices], kind="stable")[: settings.top_k]]


def not_suppressed(
    boxes: np.ndarray, labels: np.ndarray, settings: ThresholdSettings
) -> np.ndarray:
    """Returns the rows that remain after NMS of each class, until there are `max_detections`.

    Args:
        boxes: float32 (D, 4), corners, the best first.
        labels: int (D,).
        settings: the IoU threshold and the number of rows to keep.

    Returns:
        int (M,), in order.
    """
    rows_of = {label: np.flatnonzero(labels == label) for label in np.unique(labels)}
    free, kept = np.ones(len(boxes), bool), []
    for row, label in enumerate(labels):
        if not free[row]:
            continue
        kept.append(row)
        if len(kept) == settings.max_detections:
            break
        rows = rows_of[label]
        overlaps = geometry.iou(boxes[row : row + 1], boxes[rows])[0]
        free[rows] &= overlaps <= settings.iou_threshold
    return np.array(kept, int)
