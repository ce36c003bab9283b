"""Reads a CSV file with one object in each row, as corners in pixels."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

from keras_ssd.data.annotations import (
    ImageAnnotation,
    ObjectAnnotation,
    class_name,
    parse_box,
    parse_flag,
    parse_size,
)
from keras_ssd.data.problems import AnnotationError, Problems
from keras_ssd.data.text_files import read_text

_CORNERS = ("x1", "y1", "x2", "y2")
_REQUIRED = ("image", *_CORNERS, "label")
_OPTIONAL = ("width", "height", "difficult")
# The names in the CSV files of TensorFlow's object detection tutorials.
_ALIASES = {
    "filename": "image",
    "xmin": "x1",
    "ymin": "y1",
    "xmax": "x2",
    "ymax": "y2",
    "class": "label",
}


def read_csv(
    path: Path, find_image: Callable[[str], Path], problems: Problems
) -> tuple[list[ImageAnnotation], None]:
    """Reads a table of objects.

    The first line names the columns, in any order: `image,x1,y1,x2,y2,label`, or
    `filename,xmin,ymin,xmax,ymax,class` as in TensorFlow's tutorials. The columns `width` and
    `height` of the image, and `difficult` (0 or 1), are optional; further columns do not matter. A
    row with only an image is an image without objects.

    Args:
        path: the path of a comma-separated file in UTF-8.
        find_image: a function that returns the path of an image from its name in the file.
        problems: the place for rows that cannot be used.

    Returns:
        The images in the order of their first rows, each with its name in the file as id, and
        None, because the file has no list of classes.

    Raises:
        ValueError: the file does not have these columns.
    """
    images: dict[str, ImageAnnotation] = {}
    for where, row in _read_rows(path, problems):
        with problems.leaving_out():
            name = row["image"]
            if not name:
                raise AnnotationError(f"{where}: there is no image")
            size = parse_size(row["height"], row["width"], where)
            if name not in images:
                image = find_image(name)
                images[name] = ImageAnnotation(name, image, size, [], f"{path}: image {name}")
            elif images[name].size != size:
                raise AnnotationError(
                    f"{where}: width and height are not those of the rows before with {name}"
                )
            images[name].objects.extend(_parse_objects(row, where))
    return list(images.values()), None


def _read_rows(path, problems) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the place of each row and its texts by column; empty rows are left out."""
    reader = csv.reader(io.StringIO(read_text(path)), strict=True)
    try:
        header = _columns(next(reader, []), path)
        for values in reader:
            where = f"{path}, line {reader.line_num}"
            values = [value.strip() for value in values]
            if not any(values):
                continue
            if len(values) != len(header):
                problems.error(
                    AnnotationError(
                        f"{where}: expected {len(header)} values as in the first line, not "
                        f"{len(values)}"
                    )
                )
                continue
            yield where, dict.fromkeys(_OPTIONAL, "") | dict(zip(header, values, strict=True))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: not valid CSV ({error})") from error


def _columns(header, path) -> list[str]:
    """Returns the names of the columns, with aliases replaced."""
    names = [name.strip().lower() for name in header]
    columns = [_ALIASES.get(name, name) for name in names]
    known = [name for name in columns if name in (*_REQUIRED, *_OPTIONAL)]
    if not {*_REQUIRED} <= {*known} or len({*known}) < len(known):
        raise ValueError(
            f"{path}: the first line must name the columns {','.join(_REQUIRED)} or "
            f"filename,xmin,ymin,xmax,ymax,class, each once, not {','.join(header)!r}"
        )
    return columns


def _parse_objects(row, where) -> list[ObjectAnnotation]:
    """Returns a list with the row's object, which is empty if the row has only an image."""
    label, texts = class_name(row["label"]), [row[name] for name in _CORNERS]
    if not label and not any(texts):
        return []
    if not label:
        raise AnnotationError(f"{where}: a box without a label")
    box = parse_box(texts, f"{where}: {label} box", "the corners")
    return [ObjectAnnotation(label, box, parse_flag(row["difficult"], where, "difficult"))]
