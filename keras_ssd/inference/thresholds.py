"""The thresholds of a detector, as exported files contain them."""

import json
import math
from dataclasses import dataclass
from typing import Any

MAX_DETECTIONS = 100_000  # in one image; no SSD comes near this
NAMES = ("confidence_threshold", "iou_threshold", "max_detections")


@dataclass(frozen=True)
class ThresholdSettings:
    """The thresholds of a detector.

    Attributes:
        confidence_threshold, iou_threshold: as in `DecodeDetections`, each from 0 to 1.
        max_detections: as in `DecodeDetections`, from 1 to 100,000.

    Raises:
        ValueError: a value has another type or is out of range; the message names it.
    """

    confidence_threshold: float
    iou_threshold: float
    max_detections: int

    def __post_init__(self):
        check_share("confidence_threshold", self.confidence_threshold)
        check_share("iou_threshold", self.iou_threshold)
        check_count("max_detections", self.max_detections)

    def to_json(self) -> str:
        """Returns the text that exported files contain; `from_json` is the inverse."""
        return json.dumps({name: getattr(self, name) for name in NAMES})

    @classmethod
    def from_json(cls, text: str) -> "ThresholdSettings":
        """Reads the text of an exported file.

        Raises:
            ValueError: the text does not contain these settings.
        """
        values = json.loads(text)
        if not isinstance(values, dict) or set(values) != set(NAMES):
            raise ValueError(f"thresholds: expected the settings {', '.join(NAMES)}")
        return cls(**values)


def check_share(name: str, value: Any) -> None:
    """Raises ValueError unless the value is a number from 0 to 1."""
    is_number = isinstance(value, float | int) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= 1:
        raise ValueError(f"{name}: expected 0 to 1, not {value!r:.40}")


def check_count(name: str, value: Any) -> None:
    """Raises ValueError unless the value is a whole number from 1 to 100,000."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    if not is_count or not 1 <= value <= MAX_DETECTIONS:
        raise ValueError(f"{name}: expected 1 to {MAX_DETECTIONS}, not {value!r:.40}")
