"""Writes one text file in YOLO's format for each image or frame, and data.yaml with the classes."""

import json
from pathlib import Path

import numpy as np

from keras_ssd.data.writing.write_yolo import yolo_line
from keras_ssd.files import write_text
from keras_ssd.outputs.entry import Entry
from keras_ssd.outputs.journal import Journal


def write_yolo(path: Path, journal: Journal) -> None:
    """Writes data.yaml and a folder `labels`, with files such as dog.txt or film_000123.txt.

    A line is a class, the center, width and height of a box relative to the image, and the score.
    """
    for entry in journal.entries():
        write_text(path / "labels" / f"{entry.stem}.txt", _lines(entry), sync=False)
    names = json.dumps(journal.class_names, ensure_ascii=False)  # YAML reads JSON
    write_text(path / "data.yaml", f"names: {names}\n")


def _lines(entry: Entry) -> str:
    found = entry.found
    height, width = found.size
    boxes = found.boxes.astype(float) / np.array([width, height, width, height])
    scores = [record["score"] for record in found.to_records()]
    return "".join(map(yolo_line, found.labels, boxes.tolist(), scores))
