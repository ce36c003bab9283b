"""Detections in a JSON file.

The file holds one array, with one object for each detection, in the order of the images:

    [
    {"image": "a.jpg", "label": "cat", "score": 0.98, "box": [10.0, 20.0, 110.5, 220.0]},
    {"image": "b.jpg", "label": "dog", "score": 0.91, "box": [0.0, 5.0, 100.0, 10.0]}
    ]

"image" is the path as it was given, "label" is the name of the class, "score" is from 0 to 1, and
"box" is the corners (x1, y1, x2, y2) in pixels of the image after its EXIF orientation is applied.
Images without detections have no entry.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from keras_ssd.files import replace_file
from keras_ssd.results.detections import Detections


def write_json(detections: Iterable[Detections], path: str | Path) -> None:
    """Writes the detections of all images into one file, which is written whole or not at all.

    Args:
        detections: the detections in each image, which are taken one by one.
        path: the file to write; its folder is made if it does not exist.

    Raises:
        OSError: the file cannot be written.
    """

    def write(unfinished: Path) -> None:
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            file.write("[\n")
            before = ""
            for record in (record for found in detections for record in found.to_records()):
                file.write(before + json.dumps(record))
                before = ",\n"
            file.write("\n]\n")

    replace_file(path, write)
