"""Reads folders of labelme: one .json file for each image, with shapes."""

import math
from pathlib import Path
from typing import Any

from keras_ssd.data.annotations import (
    ImageAnnotation,
    ObjectAnnotation,
    box_around,
    class_name,
    composed,
    find_image,
    parse_box,
    parse_flag,
    parse_size,
)
from keras_ssd.data.problems import AnnotationError, Problems
from keras_ssd.data.sources.source import Source
from keras_ssd.data.sources.voc_folders import IMAGE_SUFFIXES, list_files, visible
from keras_ssd.data.text_files import read_json
from keras_ssd.images import CorruptImageError
from keras_ssd.terminal import counted

_WITHOUT_AREA = ("point", "points", "line", "linestrip")


class LabelmeSource(Source):
    """A folder of .json files as labelme writes them, for the images that they name.

    An image's id is the path of its .json file below the folder, without suffix. There are no image
    sets. The box of a polygon or mask is the box around it, the box of a circle is the square
    around it.

    Args:
        folder: the folder; its subfolders are read, too.
    """

    def __init__(self, folder: Path):
        self.name = str(folder)
        self._folder = folder
        self._files = {key: paths[0] for key, paths in list_files(folder, (".json",)).items()}

    def list_ids(self, image_set: str | None, problems: Problems) -> list[str]:
        others = list_files(self._folder, IMAGE_SUFFIXES).keys() - self._files.keys()
        if others:
            problems.note(
                f"{self._folder}: left out {counted(len(others), 'image')} without an annotation, "
                f"such as {min(others)}"
            )
        return sorted(self._files)

    def read(self, image_id: str, problems: Problems) -> ImageAnnotation:
        file = self._files[image_id]
        try:
            content = read_json(file)
        except ValueError as error:
            raise AnnotationError(str(error)) from error
        if not _is_labelme(content):
            raise AnnotationError(f"{file}: expected labelme's keys shapes and imagePath")
        objects = []
        for number, shape in enumerate(content["shapes"]):
            with problems.leaving_out():
                objects.append(_parse_shape(shape, f"{file}: shapes[{number}]"))
        image = find_image(content["imagePath"], [file.parent], file)
        if not image.is_file():
            raise CorruptImageError(f"{file}: there is no image {image}")
        size = parse_size(content.get("imageHeight"), content.get("imageWidth"), str(file))
        return ImageAnnotation(composed(image_id), image, size, objects, file)


def is_labelme_folder(folder: Path) -> bool:
    """Tells whether a folder's first .json file is one of labelme."""
    files = [path for path in visible(folder) if path.suffix.lower() == ".json" and path.is_file()]
    if not files:
        return False
    try:
        return _is_labelme(read_json(files[0]))
    except ValueError:
        return False


def _is_labelme(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and isinstance(content.get("shapes"), list)
        and isinstance(content.get("imagePath"), str)
        and content["imagePath"] != ""
    )


def _parse_shape(shape, where) -> ObjectAnnotation:
    label = shape.get("label") if isinstance(shape, dict) else None
    name = class_name(label) if isinstance(label, str) else ""
    if not name:
        raise AnnotationError(f"{where}: a shape without a label")
    kind = shape.get("shape_type") or "polygon"  # labelme before 3.0 has only polygons
    if kind in _WITHOUT_AREA:
        raise AnnotationError(
            f"{where}: {name} is a {kind}; expected a shape with an area, such as a rectangle"
        )
    points = _parse_points(shape.get("points"), f"{where}: {name}")
    if kind == "circle":
        x, y, *edge = points
        radius = math.dist((x, y), edge[:2])
        points = [x - radius, y - radius, x + radius, y + radius]
    box = parse_box(box_around(points), f"{where}: {name} box", "the points")
    return ObjectAnnotation(name, box, parse_flag(shape.get("difficult"), where, "difficult"))


def _parse_points(points, where) -> list[float]:
    """Returns x1, y1, x2, y2, ... of at least two points."""
    try:
        numbers = [float(value) for x, y in points for value in (x, y)]
    except (TypeError, ValueError) as error:
        raise AnnotationError(f"{where}: points must be pairs of numbers ({error})") from error
    if len(numbers) < 4 or any(map(math.isnan, numbers)):
        number = counted(len(numbers) // 2, "point")
        raise AnnotationError(f"{where}: expected at least two points of numbers, not {number}")
    return numbers
