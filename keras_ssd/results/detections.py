"""What a detector found in one image, and how it is written."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_ssd.files import replace_file


@dataclass(frozen=True, eq=False)  # arrays have no one truth value
class Detections:
    """The objects found in one image, best first.

    Attributes:
        image: path or id of the image.
        size: (height, width) of the image in pixels.
        boxes: float32 (D, 4), corners (x1, y1, x2, y2) in pixels, within the image.
        labels: int32 (D,), indices into `class_names`.
        scores: float32 (D,), in [0, 1], descending.
        class_names: of the detector.
    """

    image: str
    size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def from_prediction(cls, prediction: dict, index: int, image, size, class_names):
        """Takes image `index` out of a detector's batched output.

        Args:
            prediction: "boxes" (B, D, 4) relative corners, "labels" (B, D), "scores" (B, D),
                "num_detections" (B,), as `detector.predict` returns them.
            image, size, class_names: see the attributes.
        """
        count = int(prediction["num_detections"][index])
        height, width = size
        scale = np.array([width, height, width, height], np.float32)
        return cls(
            image=str(image),
            size=(height, width),
            boxes=np.asarray(prediction["boxes"][index][:count], np.float32) * scale,
            labels=np.asarray(prediction["labels"][index][:count], np.int32),
            scores=np.asarray(prediction["scores"][index][:count], np.float32),
            class_names=tuple(class_names),
        )

    def above(self, confidence_threshold: float) -> "Detections":
        """Only the detections that score at least `confidence_threshold`."""
        keep = self.scores >= confidence_threshold
        return Detections(
            self.image,
            self.size,
            self.boxes[keep],
            self.labels[keep],
            self.scores[keep],
            self.class_names,
        )

    def to_records(self) -> list[dict]:
        """One plain dictionary per detection: image, label (the name), score, box in pixels."""
        return [
            {
                "image": self.image,
                "label": self.class_names[label],
                "score": round(float(score), 6),
                "box": [round(float(value), 3) for value in box],
            }
            for box, label, score in zip(self.boxes, self.labels, self.scores, strict=True)
        ]


def write_json(detections: Iterable[Detections], path: str | Path) -> None:
    """Writes one JSON array of the records of all images, a line each, complete or not at all."""
    records = [record for found in detections for record in found.to_records()]
    text = "[\n" + ",\n".join(map(json.dumps, records)) + "\n]\n"
    replace_file(path, lambda unfinished: unfinished.write_text(text))
