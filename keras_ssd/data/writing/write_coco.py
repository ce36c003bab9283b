"""Writes annotations in COCO's format: one JSON file per image set."""

import json
from collections.abc import Mapping, Sequence
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
    categories = [
        {"id": number, "name": name, "supercategory": "none"}
        for number, name in enumerate(data.class_names, start=1)
    ]
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
                x1, y1, x2, y2 = box
                sides = round(x2 - x1, 3), round(y2 - y1, 3)
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": index + 1,
                        "category_id": int(label) + 1,
                        "bbox": [x1, y1, *sides],
                        "area": round(sides[0] * sides[1], 3),
                        "iscrowd": int(difficult),
                        "segmentation": [],
                    }
                )
        content = {"images": images, "annotations": annotations, "categories": categories}
        path = folder / "annotations" / f"instances_{set_name}.json"
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
