"""Detections as plain records, as a table of pandas, and as the class of supervision."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_ssd.extras import require
from keras_ssd.results import checks

if TYPE_CHECKING:
    import pandas
    import supervision

    from keras_ssd.results.detections import Detections


def records(found: "Detections") -> list[dict[str, Any]]:
    """Returns a dictionary for each object; see `Detections.to_records`."""
    moment = {} if found.frame is None else {"frame": found.frame, "time": found.time}
    entries: list[dict[str, Any]] = [
        {
            "image": found.image,
            **moment,
            "label": name,
            "score": float(str(score)),
            "box": [float(str(value)) for value in box],
        }
        for box, name, score in zip(found.boxes, found.names, found.scores, strict=True)
    ]
    if found.track_ids is not None:
        for entry, track in zip(entries, found.track_ids, strict=True):
            entry["track"] = int(track)
    return entries


def arrays(
    entries: Sequence[Mapping[str, Any]], image: str, frame: int | None, names: Sequence[str]
) -> dict[str, Any]:
    """Returns boxes, labels, scores and track ids of one image's records; see `from_records`."""
    for entry in entries:
        checks.record(entry, image, frame, names)
    values: dict[str, Any] = {
        "boxes": [entry["box"] for entry in entries],
        "labels": [names.index(entry["label"]) for entry in entries],
        "scores": [entry["score"] for entry in entries],
    }
    if any("track" in entry for entry in entries):
        values["track_ids"] = [entry.get("track", -1) for entry in entries]
    return values


def data_frame(found: "Detections") -> "pandas.DataFrame":
    """Returns a table with one row for each object; see `Detections.to_pandas`."""
    count = len(found)
    columns: dict[str, Any] = {"image": [found.image] * count}
    if found.frame is not None:
        columns |= {"frame": [found.frame] * count, "time": [found.time] * count}
    columns |= {"label": list(found.names), "score": found.scores}
    columns |= dict(zip(("x1", "y1", "x2", "y2"), found.boxes.T, strict=True))
    if found.track_ids is not None:
        columns["track"] = found.track_ids
    return require("pandas", extra="pandas").DataFrame(columns)


def supervision_detections(found: "Detections") -> "supervision.Detections":
    """Returns the objects as `supervision.Detections`; see `Detections.to_supervision`."""
    return require("supervision", extra="supervision").Detections(
        xyxy=found.boxes.copy(),
        confidence=found.scores.copy(),
        class_id=found.labels.astype(int),
        tracker_id=None if found.track_ids is None else found.track_ids.astype(int),
        data={"class_name": np.array(found.names, dtype=str)},
    )
