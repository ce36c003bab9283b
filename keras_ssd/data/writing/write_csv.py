"""Writes annotations as tables: one CSV file per image set, with one object in each row."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from keras_ssd.data.annotated_images import AnnotatedImages

IMAGE_FOLDER = "images"
_COLUMNS = ("image", "width", "height", "x1", "y1", "x2", "y2", "label", "difficult")


def write_csv(
    folder: Path, data: AnnotatedImages, names: Sequence[str], sets: Mapping[str, Sequence[int]]
) -> None:
    """Writes SET.csv for each set; an image without objects is a row with its name and size.

    Args:
        folder, data, names, sets: as in `write_voc`.
    """
    for set_name, indices in sets.items():
        with (folder / f"{set_name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(_COLUMNS)
            for index in indices:
                sample = data[index]
                height, width = sample.size
                image = (f"{IMAGE_FOLDER}/{names[index]}", width, height)
                if not len(sample.labels):
                    writer.writerow([*image, "", "", "", "", "", ""])
                for box, label, difficult in zip(
                    sample.pixel_boxes, sample.labels, sample.difficult, strict=True
                ):
                    corners = [f"{value:.10g}" for value in box]
                    writer.writerow([*image, *corners, data.class_names[label], int(difficult)])
    lines = "".join(f"{name}\n" for name in data.class_names)
    (folder / "class_names.txt").write_text(lines, "utf-8", newline="\n")
