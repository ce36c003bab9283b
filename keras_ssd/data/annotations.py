"""Annotations as a tool wrote them, in pixels, and parsers of values that all formats share."""

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_ssd.data.problems import AnnotationError

LARGEST_SIDE = 2**20  # in pixels; OpenCV decodes nothing larger
_LARGEST_COORDINATE = 1e9
_YES, _NO = ("1", "true", "yes"), ("", "0", "false", "no", "none", "null")


@dataclass(frozen=True)
class ObjectAnnotation:
    """One object.

    Attributes:
        class_name: the name of the class, as the function `class_name` returns it.
        box: the corners (x1, y1, x2, y2) in pixels. They may stick out of the image.
        difficult: VOC's mark for objects that evaluation ignores; COCO's crowds have it too.
    """

    class_name: str
    box: tuple[float, float, float, float]
    difficult: bool = False


@dataclass(frozen=True)
class ImageAnnotation:
    """One image with its objects.

    Attributes:
        id: a text that is unique in its source.
        image: the path of an encoded image, or its bytes.
        size: (height, width) in pixels, or None to read it from the image.
        objects: the objects in the image; the list may be empty.
        where: the file, and the place in it, for messages about the image.
    """

    id: str
    image: Path | bytes
    size: tuple[int, int] | None
    objects: list[ObjectAnnotation] = field(default_factory=list)
    where: str | Path = ""


def class_name(text: str) -> str:
    """Gives a class name single spaces and composed letters, so that equal names compare equal.

    Examples:
        >>> class_name(" traffic\\n light ")
        'traffic light'
    """
    return composed(" ".join(text.split()))


def composed(text: str) -> str:
    """Returns the text in Unicode's composed form, because macOS writes "é" as two characters."""
    return unicodedata.normalize("NFC", text)


def existing_file(path: Path) -> Path | None:
    """Returns a file's path, with letters composed as on the disk, or None if there is none."""
    if path.is_file():
        return path
    for form in ("NFC", "NFD"):
        other = Path(unicodedata.normalize(form, str(path)))
        if other.is_file():
            return other
    return None


def find_image(name: str, folders: Sequence[Path], where: str | Path) -> Path:
    """Returns the path of an image in the first folder that has it, or else in the first folder.

    Args:
        name: the name in the annotation, relative to the folders; Windows' "\\" is understood.
        folders: the folders to look in.
        where: the text that the message begins with.

    Raises:
        AnnotationError: there cannot be a file of this name.
    """
    for spelled in dict.fromkeys((name, name.replace("\\", "/"))):
        for folder in folders:
            try:
                found = existing_file(folder / spelled)
            except (OSError, ValueError) as error:  # a name of 10,000 letters, or with "\0"
                raise AnnotationError(f"{where}: image {name[:40]!r}: {error}") from error
            if found is not None:
                return found
    return folders[0] / name


def parse_box(values: Iterable[Any], where: str, names: str) -> tuple[float, float, float, float]:
    """Parses the four numbers of a box as floats.

    Args:
        values: four numbers, or their texts.
        where: the text that the message begins with.
        names: the names of the numbers in the message.

    Raises:
        AnnotationError: there are not four values, or one is not a finite number.
    """
    values = list(values)
    try:
        numbers = tuple(float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        numbers = ()
    if len(numbers) != 4:
        texts = ", ".join(_shortened(value) for value in values[:8])
        raise AnnotationError(f"{where} ({texts}): {names} must be numbers")
    if not all(abs(number) <= _LARGEST_COORDINATE for number in numbers):  # NaN fails this too
        raise AnnotationError(
            f"{where} {box_text(numbers)}: {names} must be finite numbers of pixels"
        )
    return numbers


def box_around(points: Sequence[float]) -> tuple[float, float, float, float]:
    """Returns the corners of the smallest box around a polygon, given as x1, y1, x2, y2, ..."""
    return min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2])


def parse_size(height: Any, width: Any, where: str) -> tuple[int, int] | None:
    """Parses (height, width) in pixels; None if one of them is missing, empty or not above 0.

    Args:
        height, width: whole numbers, or their texts; "640.0" is accepted too.
        where: the text that the message begins with.

    Raises:
        AnnotationError: a value is not a whole number, or is above 2**20.
    """
    sides = []
    for side in (height, width):
        try:
            number = 0.0 if side is None or side == "" else float(side)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not abs(number) <= LARGEST_SIDE or not number.is_integer():
            raise AnnotationError(
                f"{where}: height and width must be whole numbers up to {LARGEST_SIDE}, not "
                f"{_shortened(height)} and {_shortened(width)}"
            )
        sides.append(int(number))
    return (sides[0], sides[1]) if min(sides) > 0 else None


def parse_flag(value: Any, where: str, name: str) -> bool:
    """Parses a flag: 1, 1.0, true or yes if it is set; 0, 0.0, false, no, empty or missing if not.

    Raises:
        AnnotationError: the value is something else.
    """
    text = str("" if value is None else value).strip().lower()
    text = {"0.0": "0", "1.0": "1"}.get(text, text)
    if text not in (*_YES, *_NO):
        raise AnnotationError(f"{where}: {name} must be 0 or 1, not {_shortened(value)!r}")
    return text in _YES


def box_text(box: Iterable[float]) -> str:
    """Returns the box as text for messages.

    Examples:
        >>> box_text((10.0, 2.5, 30.0, 40.0))
        '(10, 2.5, 30, 40)'
    """
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"


def _shortened(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
