"""Writes all detections as one table, with one detection in each row."""

import csv
from pathlib import Path

from keras_ssd.files import replace_file
from keras_ssd.outputs.journal import Journal

COLUMNS = (
    *("image", "width", "height", "frame", "time"),
    *("label", "score", "x1", "y1", "x2", "y2", "track"),
)


def write_csv(path: Path, journal: Journal) -> None:
    """Writes a table with the corners of the boxes in pixels.

    "frame" and "time" are empty for still images, "track" for objects that are not tracked. An
    image in which nothing was found is a row with its name and size, as in annotations.
    """

    def write(unfinished: Path) -> None:
        # Names of files need not be UTF-8.
        with unfinished.open("w", encoding="utf-8", errors="replace", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for entry in journal.entries():
                found = entry.found
                height, width = found.size
                about = (found.image, width, height, found.frame, found.time)
                records = found.to_records()
                if not records:
                    writer.writerow([*about, *[None] * 7])
                for record in records:
                    values = (record["label"], record["score"], *record["box"])
                    writer.writerow([*about, *values, record.get("track")])

    replace_file(path, write)
