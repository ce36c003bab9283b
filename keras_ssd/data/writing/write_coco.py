"""Writes annotations in COCO's format: one JSON file per image set."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_ssd.data.annotated_images import AnnotatedImages

IMAGE_FOLDER = "images"


def write_coco(
    folder: Path, data: AnnotatedImages, names: Sequence[str], sets: Mapping[str, Sequence[int]]
) -> None:
    """Writes annotations/instances_SET.json; difficult objects become crowds (`iscrowd`).

    Args:
        folder, data, names, sets: as in `write_voc`.
    """
    (folder / "annotations").mkdir()
    categories = coco_categories(data.class_names)
    for set_name, indices in sets.items():
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for index in indices:
            sample = data[index]
            height, width = sample.size
            entry = {"id": index + 1, "file_name": names[index], "width": width, "height": height}
            images.append(entry)
            for box, label, difficult in zip(
                sample.pixel_boxes.tolist(), sample.labels, sample.difficult, strict=True
            ):
                number = len(annotations) + 1
                entry = coco_annotation(number, index + 1, int(label), box, bool(difficult))
                annotations.append(entry)
        content = {"images": images, "annotations": annotations, "categories": categories}
        path = folder / "annotations" / f"instances_{set_name}.json"
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")


def coco_categories(class_names: Iterable[str]) -> list[dict[str, Any]]:
    """Returns the list of categories; the id of a class is its label + 1."""
    return [
        {"id": number, "name": name, "supercategory": "none"}
        for number, name in enumerate(class_names, start=1)
    ]


def coco_annotation(
    number: int, image_id: int, label: int, box: Sequence[float], is_crowd: bool = False
) -> dict[str, Any]:
    """Returns the annotation of one object.

    Args:
        number: the id of the annotation.
        image_id: the id of its image.
        label: the label of its class, from 0.
        box: the corners (x1, y1, x2, y2) in pixels.
        is_crowd: whether the object is a crowd.
    """
    x1, y1, x2, y2 = box
    width, height = round(x2 - x1, 3), round(y2 - y1, 3)
    return {
        "id": number,
        "image_id": image_id,
        "category_id": label + 1,
        "bbox": [x1, y1, width, height],
        "area": round(width * height, 3),
        "iscrowd": int(is_crowd),
        "segmentation": [],
    }
