"""Writes all detections as one JSON array, or one line for each image or frame."""

import json
from pathlib import Path

from keras_ssd.files import replace_file
from keras_ssd.outputs.journal import Journal
from keras_ssd.results.records import write_json


def write_json_array(path: Path, journal: Journal) -> None:
    """Writes one array with one object for each detection; see `keras_ssd.results.write_json`."""
    write_json((entry.found for entry in journal.entries()), path)


def write_json_lines(path: Path, journal: Journal) -> None:
    """Writes one line for each image or frame, also if nothing was found in it.

    A line is an object with "image", "size" (height and width in pixels), "detections" and, for the
    frames of a video, "frame" and "time".
    """

    def write(unfinished: Path) -> None:
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            for line in journal.lines():
                if "detections" in line.values:
                    del line.values["name"]
                    file.write(f"{json.dumps(line.values)}\n")

    replace_file(path, write)
