"""Writes annotations in PASCAL VOC's format: one XML file per image, and lists of ids as sets."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample

IMAGE_FOLDER = "JPEGImages"


def write_voc(
    folder: Path, data: AnnotatedImages, names: Sequence[str], sets: Mapping[str, Sequence[int]]
) -> None:
    """Writes Annotations, and ImageSets/Main unless the only set is "all".

    Args:
        folder: the folder to write to, which must exist.
        data: the annotated images.
        names: the path of each image in the folder of images.
        sets: the indices of the images in each set, by the name of the set.
    """
    stems = [PurePosixPath(name).with_suffix("").as_posix() for name in names]
    for sample, name, stem in zip(data, names, stems, strict=True):
        path = folder / "Annotations" / f"{stem}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_xml(sample, name, data.class_names))
    if list(sets) != ["all"]:
        for set_name, images in sets.items():
            path = folder / "ImageSets" / "Main" / f"{set_name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{stems[index]}\n" for index in images), "utf-8", newline="\n")
    lines = "".join(f"{name}\n" for name in data.class_names)
    (folder / "class_names.txt").write_text(lines, "utf-8", newline="\n")


def _xml(sample: Sample, name: str, class_names: tuple[str, ...]) -> bytes:
    root = ElementTree.Element("annotation")
    _add(root, "filename", name)
    height, width = sample.size
    size = ElementTree.SubElement(root, "size")
    for tag, value in (("width", width), ("height", height), ("depth", 3)):
        _add(size, tag, str(value))
    for box, label, difficult in zip(
        sample.pixel_boxes, sample.labels, sample.difficult, strict=True
    ):
        element = ElementTree.SubElement(root, "object")
        _add(element, "name", class_names[label])
        _add(element, "difficult", str(int(difficult)))
        corners = ElementTree.SubElement(element, "bndbox")
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            _add(corners, tag, f"{value:.10g}")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _add(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = text
