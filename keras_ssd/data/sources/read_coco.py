"""Reads a JSON file in COCO's format: the lists images, annotations and categories."""

from collections.abc import Callable
from pathlib import Path

from keras_ssd.data.annotations import (
    ImageAnnotation,
    ObjectAnnotation,
    box_around,
    class_name,
    parse_box,
    parse_flag,
    parse_size,
)
from keras_ssd.data.problems import AnnotationError, Problems
from keras_ssd.data.text_files import read_json

_LISTS = ("images", "annotations", "categories")
_Id = int | str


def read_coco(
    path: Path, find_image: Callable[[str], Path], problems: Problems
) -> tuple[list[ImageAnnotation], tuple[str, ...]]:
    """Reads a file such as `instances_val2017.json`.

    Every image in the list is read, with objects or without. `bbox` is [x, y, width, height] in
    pixels. An annotation with an empty `bbox` gets the box around its polygons in `segmentation`,
    or is left out if there are none; a note says so. Ids may be numbers or texts: 1, 1.0 and "1"
    are the same. A crowd (`iscrowd`) is difficult.

    Args:
        path: the path of the file.
        find_image: a function that returns the path of an image from its `file_name`.
        problems: the place for images and objects that cannot be used.

    Returns:
        The images in the order of the file, each with its `file_name` as id, and the names of the
        categories in the order of their ids. The root category that Roboflow adds above all others
        is left out.

    Raises:
        ValueError: the file is not JSON, or not in this format.
    """
    data = read_json(path)
    images, annotations, categories = (_list_of(data, name, path) for name in _LISTS)
    name_of = _read_categories(categories, annotations, path, problems)
    images_by_id: dict[_Id, ImageAnnotation] = {}
    where_of: dict[str, str | Path] = {}
    for position, entry in enumerate(images):
        with problems.leaving_out():
            image_id = _id_of(entry, "id", f"{path}: images[{position}]")
            image = _read_image(entry, image_id, path, position, find_image)
            if image_id in images_by_id:
                raise AnnotationError(f"{path}: two images have the id {image_id!r}")
            if image.id in where_of:
                raise AnnotationError(
                    f"{image.where}: the image has the same name as {where_of[image.id]}"
                )
            images_by_id[image_id] = image
            where_of[image.id] = image.where
    listed = {_id(entry.get("id")) for entry in images if isinstance(entry, dict)}
    for position, entry in enumerate(annotations):
        with problems.leaving_out():
            where = f"{path}: annotations[{position}]"
            image_id, category = (_id_of(entry, key, where) for key in ("image_id", "category_id"))
            if "id" in entry:
                where = f"{path}: annotation {entry['id']}"
            for key, value, known in (
                ("image_id", image_id, listed),
                ("category_id", category, name_of),
            ):
                if value not in known:
                    raise AnnotationError(f"{where}: unknown {key} {value!r}")
            annotated = _read_object(entry, name_of[category], where, problems)
            if annotated is not None and image_id in images_by_id:
                images_by_id[image_id].objects.append(annotated)
    return list(images_by_id.values()), tuple(name_of.values())


def _list_of(data, name, path) -> list:
    entries = data.get(name) if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise ValueError(
            f"{path}: expected a JSON object with the lists {', '.join(_LISTS)}; there is no list "
            f"{name!r}"
        )
    return entries


def _id(value) -> _Id | None:
    """Returns the id as a number if it is one, else as text; None if it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or value == "":
        return None
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 20:
        return int(value)
    return value


def _id_of(entry, key, where) -> _Id:
    value = entry.get(key) if isinstance(entry, dict) else None
    found = _id(value)
    if found is None:
        raise AnnotationError(f"{where}: {key} must be a number or a text, not {value!r}")
    return found


def _read_categories(categories, annotations, path, problems) -> dict[_Id, str]:
    """Returns the names by category id, in the order of the ids, without Roboflow's root."""
    found = []
    for position, entry in enumerate(categories):
        with problems.leaving_out():
            category_id = _id_of(entry, "id", f"{path}: categories[{position}]")
            name = entry.get("name")
            if not isinstance(name, str) or not class_name(name):
                raise AnnotationError(
                    f"{path}: categories[{position}]: name must be a text, not {name!r}"
                )
            found.append((category_id, class_name(name), entry.get("supercategory")))
    root = _find_root(found, annotations)
    if root is not None:
        found.remove(root)
        problems.note(
            f"{path}: category {root[0]} ({root[1]}) is left out: it is the group of the others "
            "and does not have objects"
        )
    if not found:
        raise ValueError(f"{path}: the list categories is empty; expected at least one class")
    name_of: dict[_Id, str] = {}
    id_of: dict[str, _Id] = {}
    for category_id, name, _ in sorted(found, key=lambda c: (isinstance(c[0], str), c[0])):
        with problems.leaving_out():
            if category_id in name_of:
                raise AnnotationError(f"{path}: two categories have the id {category_id!r}")
            if name in id_of:
                raise AnnotationError(
                    f"{path}: categories {id_of[name]} and {category_id} have the same name, "
                    f"{name!r}"
                )
            name_of[category_id], id_of[name] = name, category_id
    return name_of


def _find_root(categories, annotations) -> tuple | None:
    """Returns the category that others call their group, if it has no group and no objects."""
    used = {_id(entry.get("category_id")) for entry in annotations if isinstance(entry, dict)}
    groups = {group for _, name, group in categories if isinstance(group, str) and group != "none"}
    for category in categories:
        category_id, name, group = category
        if name in groups and group in (None, "", "none") and category_id not in used:
            return category
    return None


def _read_image(entry, image_id, path, position, find_image) -> ImageAnnotation:
    file_name = entry.get("file_name")
    if not isinstance(file_name, str) or not file_name:
        raise AnnotationError(
            f"{path}: images[{position}]: file_name must be a text, not {file_name!r}"
        )
    where = f"{path}: image {image_id} ({file_name})"
    size = parse_size(entry.get("height"), entry.get("width"), where)
    return ImageAnnotation(file_name, find_image(file_name), size, [], where)


def _read_object(entry, name, where, problems) -> ObjectAnnotation | None:
    difficult = parse_flag(entry.get("iscrowd"), where, "iscrowd")
    bbox = entry.get("bbox")
    if not bbox and bbox != 0:
        points = _polygon_points(entry.get("segmentation"))
        box = "the box around its segmentation is taken" if points else "it is left out"
        problems.note(f"{where}: {name} has no bbox; {box}")
        return ObjectAnnotation(name, box_around(points), difficult) if points else None
    names = "bbox must be [x, y, width, height]; all four"
    x, y, width, height = parse_box(bbox if isinstance(bbox, list) else [bbox], where, names)
    return ObjectAnnotation(name, (x, y, x + width, y + height), difficult)


def _polygon_points(segmentation) -> list[float]:
    """Returns x1, y1, x2, y2, ... of all polygons, empty if it is something else."""
    if not isinstance(segmentation, list):
        return []
    points = [value for polygon in segmentation if isinstance(polygon, list) for value in polygon]
    is_number = all(isinstance(p, int | float) and abs(p) < 1e9 for p in points)
    return points if len(points) >= 6 and len(points) % 2 == 0 and is_number else []
