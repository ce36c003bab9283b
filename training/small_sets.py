"""Writes small data sets, each with some of VOC's classes, on which `train` was tried.

python training/small_sets.py VOCdevkit/VOC2007 OUTPUT

OUTPUT/voc20 has 20 images of 3 classes to train on, OUTPUT/voc100 has 100 of 3 others, and
OUTPUT/voc300 has 300 of 10. Each has 150 to validate on. They come from VOC2007 train and val. The
classes have new names, so that a detector trained on COCO or VOC learns them as if it had never
seen them.
"""

import argparse
import random
import xml.etree.ElementTree as ET
from pathlib import Path

SETS = {
    "voc20": (20, ("bird", "boat", "horse")),
    "voc100": (100, ("bottle", "chair", "pottedplant")),
    "voc300": (
        300,
        ("bicycle", "bus", "car", "cat", "cow", "dog", "motorbike", "person", "sheep", "sofa"),
    ),
}
NUM_VALIDATION = 150


def write_set(voc: Path, output: Path, num_train: int, classes: tuple[str, ...]) -> None:
    """Writes one set in VOC's format, with links to the images.

    Args:
        voc: the folder of VOC2007.
        output: the folder to write.
        num_train: the number of images to train on.
        classes: the names of the classes in VOC.

    Raises:
        ValueError: VOC has fewer images of these classes; nothing is written.
        OSError: a file of VOC cannot be read.
    """
    chosen: dict[str, list[str]] = {}
    for image_set, count in (("train", num_train), ("val", NUM_VALIDATION)):
        ids = (voc / "ImageSets" / "Main" / f"{image_set}.txt").read_text("utf-8").split()
        random.Random(0).shuffle(ids)
        chosen[image_set] = _balanced(voc, ids, classes, count)
        if (found := len(chosen[image_set])) < count:
            raise ValueError(
                f"{voc}: {image_set} has {found} images for {', '.join(classes)}, not {count}"
            )
    for name in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (output / name).mkdir(parents=True, exist_ok=True)
    for image_set, ids in chosen.items():
        for image_id in ids:
            _write_annotation(voc, output, image_id, classes)
            link = output / "JPEGImages" / f"{image_id}.jpg"
            link.unlink(missing_ok=True)
            link.symlink_to((voc / "JPEGImages" / f"{image_id}.jpg").resolve())
        lines = "".join(f"{image_id}\n" for image_id in ids)
        (output / "ImageSets" / "Main" / f"{image_set}.txt").write_text(lines, "utf-8")


def _balanced(voc, ids, classes, count):
    """Returns the first ids that give about as many images of each class."""
    chosen: list[str] = []
    images = dict.fromkeys(classes, 0)
    for image_id in ids:
        objects = _objects(_annotation(voc, image_id), classes)
        names = {obj.findtext("name") for obj in objects}
        is_easy = any(obj.findtext("difficult") != "1" for obj in objects)
        if is_easy and min(images[name] for name in names) <= min(images.values()) + 1:
            images |= {name: images[name] + 1 for name in names}
            chosen.append(image_id)
        if len(chosen) == count:
            break
    return chosen


def _write_annotation(voc, output, image_id, classes):
    root = _annotation(voc, image_id)
    kept = _objects(root, classes)
    for obj in root.findall("object"):
        if obj in kept:
            obj.find("name").text = f"kind_{obj.findtext('name')}"
        else:
            root.remove(obj)
    ET.ElementTree(root).write(output / "Annotations" / f"{image_id}.xml")


def _annotation(voc, image_id):
    return ET.parse(voc / "Annotations" / f"{image_id}.xml").getroot()


def _objects(root, classes):
    return [obj for obj in root.iter("object") if obj.findtext("name") in classes]


def main() -> None:
    """Runs the command; wrong arguments lead to its usage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("voc", type=Path, metavar="VOC2007", help="the folder of VOC2007")
    add("output", type=Path, metavar="OUTPUT", help="the folder of the sets")
    options = parser.parse_args()
    try:
        for name, (num_train, classes) in SETS.items():
            write_set(options.voc, options.output / name, num_train, classes)
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
