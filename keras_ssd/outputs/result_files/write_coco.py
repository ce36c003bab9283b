"""Writes all detections as one file in COCO's format, with images, categories and scores."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from keras_ssd.data.writing.write_coco import coco_annotation, coco_categories
from keras_ssd.files import replace_file
from keras_ssd.outputs.entry import Entry
from keras_ssd.outputs.journal import Journal


def write_coco(path: Path, journal: Journal) -> None:
    """Writes a file that tools for annotations load, with a "score" in each annotation.

    "file_name" is the path of an image as it was given, or a name such as "film_000123.jpg" for a
    frame, which also has its "frame" and "time". An image that was given twice is there once,
    because tools refuse two images of one name.
    """

    def write(unfinished: Path) -> None:
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            file.write('{\n"images": [')
            _write_items(file, (_image(number, entry) for number, entry in _images(journal)))
            file.write('],\n"annotations": [')
            _write_items(file, _annotations(journal))
            categories = json.dumps(coco_categories(journal.class_names))
            file.write(f'],\n"categories": {categories}\n}}\n')

    replace_file(path, write)


def _images(journal: Journal) -> Iterator[tuple[int, Entry]]:
    """Yields each image with its id."""
    seen = set()
    number = 0
    for entry in journal.entries():
        if entry.found.frame is None:
            if entry.found.image in seen:
                continue
            seen.add(entry.found.image)
        number += 1
        yield number, entry


def _image(number: int, entry: Entry) -> dict[str, Any]:
    found = entry.found
    height, width = found.size
    values = {"id": number, "file_name": found.image, "width": width, "height": height}
    if found.frame is not None:
        values |= {"file_name": f"{entry.stem}.jpg", "frame": found.frame, "time": found.time}
    return values


def _annotations(journal: Journal) -> Iterator[dict[str, Any]]:
    number = 0
    for image_id, entry in _images(journal):
        for label, record in zip(entry.found.labels, entry.found.to_records(), strict=True):
            number += 1
            values = coco_annotation(number, image_id, int(label), record["box"])
            values["score"] = record["score"]
            if "track" in record:
                values["track_id"] = record["track"]
            yield values


def _write_items(file: TextIO, items: Iterable[dict[str, Any]]) -> None:
    """Writes the items of an array, one in each line."""
    before = "\n"
    for item in items:
        file.write(before + json.dumps(item))
        before = ",\n"
