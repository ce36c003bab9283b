"""Data sets in the format of COCO: a JSON file with the lists images, annotations, categories."""

import json
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

# What an entry of each list must have; more may be there.
_FIELDS = {
    "images": {"id": (int, str), "file_name": (str,)},
    "categories": {"id": (int,), "name": (str,)},
    "annotations": {"image_id": (int, str), "category_id": (int,), "bbox": (list,)},
}


def load_coco(
    annotations_json: str | Path,
    image_folder: str | Path | None = None,
    image_set: str = "all",
    *,
    class_names: Iterable[str] | None = None,
    difficult: str = "keep",
    unknown_classes: str = "error",
    errors: list[ValueError] | None = None,
) -> AnnotatedImages:
    """Loads a file such as `instances_val2017.json`; images are read later.

    Every image listed is a sample, with objects or without; its id is its `file_name`. Category
    ids need not be contiguous: labels count the class names. `bbox`, [x, y, width, height] in
    pixels, is divided by the image's size; boxes are clipped to the image, and what is left
    without area is dropped. A crowd (`iscrowd`) counts as difficult. Caffe trains on COCO without
    crowds (use_difficult_gt false), as `difficult="drop"` does.

    Args:
        annotations_json: the file.
        image_folder: what each `file_name` is relative to; None takes the file's own folder.
        image_set: "all", or a slice of the images as the file lists them, such as "0:160".
        class_names: in the order of the labels; None takes all categories, by their ids.
        difficult, unknown_classes, errors: as in `load_voc`.

    Raises:
        ValueError: the file is not as expected, an id is unknown, or an image is missing; the
            message names the file and the entry.
    """
    path = Path(annotations_json)
    image_folder = path.parent if image_folder is None else Path(image_folder)
    data = _read_json(path)
    images, categories, annotations = (_read_list(data, name, path, errors) for name in _FIELDS)

    class_name_of = _class_names_by_id(categories, path)
    objects_of = {}
    for image in images:
        with collecting(errors):
            if image["id"] in objects_of:
                raise ValueError(f"{path}: two images have the id {image['id']!r}")
            objects_of[image["id"]] = []
    for position, annotation in enumerate(annotations):
        where = f"{path}: annotation {annotation.get('id', f'at position {position}')}"
        with collecting(errors):
            for key, known in (("image_id", objects_of), ("category_id", class_name_of)):
                if annotation[key] not in known:
                    raise ValueError(f"{where}: unknown {key} {annotation[key]!r}")
            class_name = class_name_of[annotation["category_id"]]
            objects_of[annotation["image_id"]].append(_parse_object(annotation, class_name, where))

    image_annotations = []
    for image in select_images(images, image_set, path):
        with collecting(errors):
            objects = objects_of[image["id"]]
            image_annotations.append(_parse_image(image, objects, image_folder, path))
    return from_annotations(
        image_annotations,
        class_name_of.values() if class_names is None else class_names,
        difficult=difficult,
        unknown_classes=unknown_classes,
        errors=errors,
    )


def _read_json(path):
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not valid JSON ({error})") from error


def _read_list(data, name, path, errors) -> list[dict]:
    """Those entries of one of the file's lists that have the fields needed."""
    entries = data.get(name) if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise ValueError(
            f"{path}: expected a JSON object with the lists {', '.join(_FIELDS)}; "
            f"there is no list {name!r}"
        )
    complete = []
    for position, entry in enumerate(entries):
        with collecting(errors):
            for key, types in _FIELDS[name].items():
                value = entry.get(key) if isinstance(entry, dict) else None
                if not isinstance(value, types):
                    expected = " or ".join(t.__name__ for t in types)
                    raise ValueError(
                        f"{path}: {name}[{position}]: {key} must be {expected}, not {value!r}"
                    )
            complete.append(entry)
    return complete


def _class_names_by_id(categories, path) -> dict[int, str]:
    """Names by category id, in the order of the ids."""
    name_of, id_of = {}, {}
    for category in sorted(categories, key=lambda category: category["id"]):
        category_id, name = category["id"], category["name"]
        if category_id in name_of:
            raise ValueError(f"{path}: two categories have the id {category_id}")
        if name in id_of:
            raise ValueError(
                f"{path}: categories {id_of[name]} and {category_id} have the same name, {name!r}"
            )
        name_of[category_id], id_of[name] = name, category_id
    return name_of


def _parse_object(annotation, class_name, where) -> ObjectAnnotation:
    try:
        x, y, width, height = map(float, annotation["bbox"])
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"{where}: bbox must be four numbers, [x, y, width, height], not {annotation['bbox']!r}"
        ) from error
    crowd = annotation.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise ValueError(f"{where}: iscrowd must be 0 or 1, not {crowd!r}")
    return ObjectAnnotation(class_name, (x, y, x + width, y + height), crowd == 1)


def _parse_image(image, objects, image_folder, path) -> ImageAnnotation:
    file_name = image["file_name"]
    where = f"{path}: image {image['id']} ({file_name})"
    image_path = image_folder / file_name
    if not image_path.is_file():
        raise CorruptImageError(f"{where}: there is no file {image_path}")
    size = image.get("height"), image.get("width")
    if None in size:
        size = None
    elif not all(isinstance(side, int) and side > 0 for side in size):
        raise ValueError(f"{where}: height and width must be positive integers, not {size}")
    return ImageAnnotation(file_name, image_path, size, objects, where)
