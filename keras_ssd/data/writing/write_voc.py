"""Writes annotations in PASCAL VOC's format: one XML file per image, and lists of ids as sets."""

from collections.abc import Iterable, Mapping, Sequence
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
    objects = (
        (class_names[label], box, {"difficult": str(int(difficult))})
        for box, label, difficult in zip(
            sample.pixel_boxes, sample.labels, sample.difficult, strict=True
        )
    )
    return annotation_xml(name, sample.size, objects)


def annotation_xml(
    file_name: str,
    size: tuple[int, int],
    objects: Iterable[tuple[str, Iterable[float], Mapping[str, str]]],
) -> bytes:
    """Returns the content of the XML file of one image.

    Args:
        file_name: the name of the image.
        size: (height, width) of the image in pixels.
        objects: the class name, the corners (x1, y1, x2, y2) in pixels, and further elements by
            their names, of each object.
    """
    root = ElementTree.Element("annotation")
    _add(root, "filename", file_name)
    height, width = size
    element = ElementTree.SubElement(root, "size")
    for tag, pixels in (("width", width), ("height", height), ("depth", 3)):
        _add(element, tag, str(pixels))
    for class_name, box, further in objects:
        element = ElementTree.SubElement(root, "object")
        for tag, text in {"name": class_name, **further}.items():
            _add(element, tag, text)
        corners = ElementTree.SubElement(element, "bndbox")
        for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True):
            _add(corners, tag, f"{value:.10g}")
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _add(parent: ElementTree.Element, tag: str, text: str) -> None:
    ElementTree.SubElement(parent, tag).text = text
