"""Writes annotations in the format of Ultralytics' YOLO: data.yaml, and one .txt file per image."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample

IMAGE_FOLDER = "images"
_KEYS = {"all": "train", "valid": "val", "validation": "val"}  # the keys that Ultralytics reads


def write_yolo(
    folder: Path, data: AnnotatedImages, names: Sequence[str], sets: Mapping[str, Sequence[int]]
) -> None:
    """Writes data.yaml, labels, and a .txt file for each set with the paths of its images.

    The format has no mark for difficult objects, so they are written like all others.

    Args:
        folder, data, names, sets: as in `write_voc`.
    """
    import yaml

    for sample, name in zip(data, names, strict=True):
        path = folder / "labels" / PurePosixPath(name).with_suffix(".txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_lines(sample), "utf-8", newline="\n")
    content: dict[str, str | list[str]] = {}
    for set_name, indices in sets.items():
        key = _KEYS.get(set_name, set_name)
        content[key] = f"{key}.txt"
        lines = "".join(f"./{IMAGE_FOLDER}/{names[index]}\n" for index in indices)
        (folder / f"{key}.txt").write_text(lines, "utf-8", newline="\n")
    content["names"] = list(data.class_names)
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    (folder / "data.yaml").write_text(text, "utf-8", newline="\n")


def _lines(sample: Sample) -> str:
    boxes = sample.boxes.astype(float).tolist()
    return "".join(map(yolo_line, sample.labels, boxes))


def yolo_line(label: int, box: Sequence[float], score: float | None = None) -> str:
    """Returns the line of one object: its class, box and, if it was detected, its score.

    Args:
        label: the label of its class.
        box: the relative corners (x1, y1, x2, y2), from 0 to 1.
        score: the score of a detection, from 0 to 1.
    """
    x1, y1, x2, y2 = box
    values = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
    numbers = [f"{value:.9f}" for value in values]
    return " ".join([str(label), *numbers, *([] if score is None else [str(score)])]) + "\n"
