"""Reads an XML file in PASCAL VOC's format: the size of an image and its objects."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from keras_ssd.data.annotations import (
    ObjectAnnotation,
    box_around,
    class_name,
    parse_box,
    parse_flag,
    parse_size,
)
from keras_ssd.data.problems import AnnotationError, Problems

LARGEST_FILE = 64 * 2**20  # in bytes; far more than the objects of one image need
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_ENCODING = re.compile(rb"""<\?xml [^>]{0,80}?encoding=["']([A-Za-z0-9._-]{1,40})["']""")
# Tools declare GB2312 but write characters that only its successor has.
_SUCCESSORS = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "big5": "cp950"}


class VocXml(NamedTuple):
    """An image in an XML file: its size (height, width), or None, and its objects."""

    size: tuple[int, int] | None
    objects: list[ObjectAnnotation]


def read_voc_xml(path: Path, problems: Problems) -> VocXml:
    """Reads an annotation file of one image.

    An object without `<bndbox>` but with `<polygon>` gets the box around the polygon, and a note
    says so. Objects that cannot be used go to `problems`.

    Raises:
        AnnotationError: the file is missing, too large, not XML, or in another format.
    """
    root = _parse(_read(path), path)
    if root.tag != "annotation":
        raise AnnotationError(f"{path}: the XML's root must be <annotation>, not <{root.tag}>")
    height, width = (_text(root, f"size/{name}") for name in ("height", "width"))
    objects = []
    for element in root.iterfind("object"):
        with problems.leaving_out():
            objects.append(_parse_object(element, path, problems))
    return VocXml(parse_size(height, width, str(path)), objects)


def _read(path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise AnnotationError(f"{path}: larger than {LARGEST_FILE >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise AnnotationError(f"{path}: {error.strerror or error}") from error


def _parse(data: bytes, path) -> ElementTree.Element:
    try:
        document = _decoded(data)
        # Entities can make a small file take gigabytes; no annotation tool writes any.
        text = document.decode("latin-1") if isinstance(document, bytes) else document
        if "<!ENTITY" in text:
            raise AnnotationError(f"{path}: not valid XML (it defines entities)")
        return ElementTree.fromstring(document)
    # An unknown encoding is a LookupError or a plain ValueError.
    except (ElementTree.ParseError, LookupError, UnicodeError) as error:
        raise AnnotationError(f"{path}: not valid XML ({error})") from error
    except ValueError as error:
        if isinstance(error, AnnotationError):
            raise
        raise AnnotationError(f"{path}: not valid XML ({error})") from error


def _decoded(data: bytes) -> bytes | str:
    """Decodes a document if only Python, and not its XML parser, knows the encoding."""
    declared = _ENCODING.match(data)
    if declared is None:
        return data.decode("utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else data
    encoding = declared[1].decode().lower()
    if encoding.startswith(("utf", "us-ascii", "iso-8859-1")):
        return data
    return data.decode(_SUCCESSORS.get(encoding.replace("-", "_"), encoding))


def _parse_object(element, path, problems) -> ObjectAnnotation:
    name = class_name(_text(element, "name"))
    if not name:
        raise AnnotationError(f"{path}: an <object> without <name>")
    difficult = parse_flag(_text(element, "difficult"), str(path), "<difficult>")
    if element.find("bndbox") is None:
        points = _polygon(element.find("polygon"))
        if len(points) < 6:
            raise AnnotationError(f"{path}: a {name} has no <bndbox>")
        problems.note(f"{path}: a {name} has no <bndbox>; the box around its <polygon> is taken")
        corners: Iterable[float | str] = box_around(points)
    else:
        corners = [_text(element, f"bndbox/{corner}") for corner in _CORNERS]
    box = parse_box(corners, f"{path}: {name} box", "xmin, ymin, xmax and ymax")
    return ObjectAnnotation(name, box, difficult)


def _polygon(element) -> list[float]:
    """Returns x1, y1, ... of `<pt><x/><y/></pt>` or `<x1/><y1/>`; empty if it has other parts."""
    if element is None:
        return []
    parts = [part for point in element for part in (point if point.tag == "pt" else [point])]
    axes = {axis: [p.text for p in parts if re.fullmatch(rf"{axis}\d*", p.tag)] for axis in "xy"}
    if len(axes["x"]) != len(axes["y"]):
        return []
    try:
        return [float(text) for point in zip(axes["x"], axes["y"], strict=True) for text in point]
    except (TypeError, ValueError):
        return []


def _text(element, path: str) -> str:
    return (element.findtext(path) or "").strip()
