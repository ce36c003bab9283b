"""How far what an exported detector finds lies from what the Keras detector finds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_ssd.geometry import iou


@dataclass(frozen=True)
class Differences:
    """Between two detectors on the same images.

    Attributes:
        matched: detections of the first that the second has too.
        missed: those that it lacks.
        box: largest difference of a coordinate over the matched ones, relative to the image;
            0 if there are none.
        score: largest difference of a score over them; 0 if there are none.
    """

    matched: int
    missed: int
    box: float
    score: float

    def __str__(self) -> str:
        return (
            f"{self.matched} of {self.matched + self.missed} detections found again; "
            f"largest difference: box {self.box:.4f}, score {self.score:.4f}"
        )


def compare(detector, exported, images, *, least_score=0.25, least_iou=0.5) -> Differences:
    """Compares what a detector and its export, loaded back, find in the same images.

    Args:
        detector: a Keras `Detector`.
        exported: an exported detector as `load_detector` opens it.
        images: uint8 (B, S, S, 3).
        least_score: of the detector's detections that are looked for among the export's.
        least_iou: a detection is found again if one of the same label overlaps it by so much; of
            several near-duplicates, the one of the closest score. The same one may be found for
            several.
    """
    ours = detector.predict_on_batch(images)
    theirs = exported.predict_on_batch(images)
    box_differences, score_differences, missed = [], [], 0
    for index in range(len(images)):
        count = theirs["num_detections"][index]
        boxes, labels, scores = (theirs[n][index][:count] for n in ("boxes", "labels", "scores"))
        for row in np.flatnonzero(ours["scores"][index] >= least_score):
            if ours["labels"][index][row] < 0:  # padding, which a least score of 0 lets through
                continue
            box = ours["boxes"][index][row]
            same = (labels == ours["labels"][index][row]) & (iou(box[None], boxes)[0] >= least_iou)
            if not same.any():
                missed += 1
                continue
            differences = np.abs(scores[same] - ours["scores"][index][row])
            closest = differences.argmin()
            score_differences.append(differences[closest])
            box_differences.append(np.abs(boxes[same][closest] - box).max())
    return Differences(
        matched=len(box_differences),
        missed=missed,
        box=float(max(box_differences, default=0.0)),
        score=float(max(score_differences, default=0.0)),
    )


def file_size(path: str | Path) -> int:
    """Bytes of a file, or of all files in a folder; an OpenVINO `.xml` counts with its `.bin`."""
    path = Path(path)
    files = path.rglob("*") if path.is_dir() else [path]
    if path.suffix == ".xml":
        files = [path, path.with_suffix(".bin")]
    return sum(file.stat().st_size for file in files if file.is_file())
