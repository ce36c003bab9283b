"""Data sets in a CSV file: one object a row, corners in pixels."""

import csv
from collections.abc import Iterable
from pathlib import Path

from keras_ssd.data.dataset import (
    AnnotatedImages,
    ImageAnnotation,
    ObjectAnnotation,
    collecting,
    from_annotations,
    select_images,
)
from keras_ssd.images import CorruptImageError

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


def load_csv(
    file: str | Path,
    image_folder: str | Path | None = None,
    image_set: str = "all",
    *,
    class_names: Iterable[str] | None = None,
    difficult: str = "keep",
    unknown_classes: str = "error",
    errors: list[ValueError] | None = None,
) -> AnnotatedImages:
    """Loads a table of objects; images are read later, or now where their size is not told.

    The first line names the columns, in any order: `image,x1,y1,x2,y2,label`, or as TensorFlow's
    tutorials have them, `filename,xmin,ymin,xmax,ymax,class`. There may be `width` and `height`
    of the image, and `difficult` (0 or 1); further columns do not matter. A row with an image
    alone is an image without objects. Boxes are clipped to the image, and what is left without
    area is dropped.

    Args:
        file: comma-separated, UTF-8.
        image_folder: what the column `image` is relative to; None takes the file's own folder.
        image_set: "all", or a slice of the images in the order of their first rows, such as
            "0:160".
        class_names: in the order of the labels; None takes all names found, sorted.
        difficult, unknown_classes, errors: as in `load_voc`.

    Raises:
        ValueError: the file is not as expected, or an image is missing; the message names the
            file and the line.
    """
    file = Path(file)
    image_folder = file.parent if image_folder is None else Path(image_folder)
    images, missing = {}, set()
    for where, row in _read_rows(file, errors):
        name = row["image"]
        if name in missing:
            continue
        with collecting(errors):
            size = _parse_size(row, where)
            if name not in images:
                if not name or not (image_folder / name).is_file():
                    missing.add(name)
                    raise CorruptImageError(f"{where}: there is no image {image_folder / name}")
                images[name] = ImageAnnotation(
                    name, image_folder / name, size, [], f"{file}: image {name}"
                )
            elif images[name].size != size:
                raise ValueError(
                    f"{where}: width and height are not those of the rows before with {name}"
                )
            images[name].objects.extend(_parse_objects(row, where))
    return from_annotations(
        select_images(list(images.values()), image_set, file),
        class_names,
        difficult=difficult,
        unknown_classes=unknown_classes,
        errors=errors,
    )


def _read_rows(file, errors) -> list[tuple[str, dict[str, str]]]:
    """Each row as where it stands and its texts by column; rows without any text are left out."""
    rows = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = _columns(next(reader, []), file)
            for values in reader:
                where = f"{file}, line {reader.line_num}"
                values = [value.strip() for value in values]
                if not any(values):
                    continue
                with collecting(errors):
                    if len(values) != len(header):
                        raise ValueError(
                            f"{where}: expected {len(header)} values as in the first line, not "
                            f"{len(values)}"
                        )
                    row = dict.fromkeys(_OPTIONAL, "") | dict(zip(header, values, strict=True))
                    rows.append((where, row))
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not a text file in UTF-8 ({error})") from error
    except csv.Error as error:
        raise ValueError(f"{file}, line {reader.line_num}: not valid CSV ({error})") from error
    return rows


def _columns(header, file) -> list[str]:
    """The columns under the names that this module uses."""
    names = [name.strip().lower() for name in header]
    columns = [_ALIASES.get(name, name) for name in names]
    known = [name for name in columns if name in (*_REQUIRED, *_OPTIONAL)]
    if not {*_REQUIRED} <= {*known} or len({*known}) < len(known):
        raise ValueError(
            f"{file}: the first line must name the columns {','.join(_REQUIRED)} or "
            f"filename,xmin,ymin,xmax,ymax,class, each once, not {','.join(header)!r}"
        )
    return columns


def _parse_size(row, where) -> tuple[int, int] | None:
    """(height, width), or None where the row does not tell it."""
    texts = row["height"], row["width"]
    if not all(texts):
        return None
    try:
        height, width = map(float, texts)  # "640.0" is how pandas writes it beside an empty cell
    except ValueError:
        height = width = 0.0
    if not (height.is_integer() and width.is_integer() and min(height, width) > 0):
        raise ValueError(
            f"{where}: height and width must be positive integers, not {', '.join(texts)}"
        )
    return int(height), int(width)


def _parse_objects(row, where) -> list[ObjectAnnotation]:
    """The row's object in a list, empty where the row has an image alone."""
    label, texts = row["label"], [row[name] for name in _CORNERS]
    if not label and not any(texts):
        return []
    if not label:
        raise ValueError(f"{where}: a box without a label")
    try:
        box = tuple(map(float, texts))
    except ValueError as error:
        raise ValueError(
            f"{where}: {label} box ({', '.join(texts)}): the corners must be numbers"
        ) from error
    if row["difficult"] not in ("", "0", "1"):
        raise ValueError(f"{where}: difficult must be 0 or 1, not {row['difficult']!r}")
    return [ObjectAnnotation(label, box, row["difficult"] == "1")]
