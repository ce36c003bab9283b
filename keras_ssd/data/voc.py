"""Data sets in the layout of PASCAL VOC: JPEGImages, Annotations (XML) and ImageSets/Main."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from keras_ssd.data.dataset import AnnotatedImages, ImageAnnotation, ObjectAnnotation
from keras_ssd.images import read_image

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
_IMAGE_SETS = Path("ImageSets", "Main")
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def load_voc(
    folder: str | Path,
    image_set: str = "trainval",
    *,
    class_names: Iterable[str] | None = None,
    difficult: str = "keep",
    unknown_classes: str = "error",
) -> AnnotatedImages:
    """Loads the annotations of an image set; images are read later.

    Coordinates are divided by the image's size as they are, without subtracting 1 (Caffe's
    `io.cpp`). Boxes are clipped to the image; what is left without area is dropped.

    Args:
        folder: holds JPEGImages, Annotations and ImageSets/Main, or is a VOCdevkit: then every
            year in it that has the image set is loaded. An id that two years share gets its
            year's folder name in front.
        image_set: a file of ImageSets/Main without ".txt". Of a class's own list, such as
            "dog_train", the images marked -1 are left out.
        class_names: in the order of the labels; None takes all names found, sorted, which for
            the whole of VOC is its official order.
        difficult: "keep" or "drop" difficult objects.
        unknown_classes: what an object outside `class_names` leads to: an "error", or "skip"
            leaves such objects out and reports their number.

    Raises:
        ValueError: a folder, image set, image or annotation is missing or not as expected; the
            message names it.
    """
    problems = []
    ids_of = {
        year: _read_image_set(year / _IMAGE_SETS / f"{image_set}.txt", problems)
        for year in _find_years(Path(folder), image_set)
    }
    if not any(ids_of.values()):
        raise ValueError(f"{folder}: image set {image_set!r} is empty")

    years_with = Counter(image_id for ids in ids_of.values() for image_id in ids)
    annotations = []
    for year, ids in ids_of.items():
        images = _list_images(year / "JPEGImages")
        for image_id in ids:
            unique_id = image_id if years_with[image_id] == 1 else f"{year.name}_{image_id}"
            annotations.append(_read_annotation(year, image_id, unique_id, images))
    loaded = AnnotatedImages.from_annotations(
        annotations, class_names, difficult=difficult, unknown_classes=unknown_classes
    )
    return AnnotatedImages(loaded.samples, loaded.class_names, problems + loaded.problems)


def _find_years(folder: Path, image_set: str) -> list[Path]:
    """The folders that hold the image set: `folder` itself, or those of a VOCdevkit."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    candidates = [folder] if (folder / _IMAGE_SETS).is_dir() else sorted(folder.iterdir())
    years = [path for path in candidates if (path / _IMAGE_SETS).is_dir()]
    if not years:
        raise ValueError(
            f"{folder}: neither a folder with JPEGImages, Annotations and ImageSets/Main, nor a "
            "VOCdevkit of such folders"
        )
    having = [year for year in years if (year / _IMAGE_SETS / f"{image_set}.txt").is_file()]
    if not having:
        available = {path.stem for year in years for path in (year / _IMAGE_SETS).glob("*.txt")}
        raise ValueError(
            f"{folder}: no image set {image_set!r}; there are: "
            f"{', '.join(sorted(available)) or 'none'}"
        )
    for year in having:
        for name in ("JPEGImages", "Annotations"):
            if not (year / name).is_dir():
                raise ValueError(f"{year / name}: there is no such folder")
    return having


def _read_image_set(path: Path, problems: list[str]) -> list[str]:
    """The ids in an image set, each once; extends `problems`."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text file in UTF-8 ({error})") from error
    ids = {}
    for line in filter(None, map(str.strip, lines)):
        image_id, mark = re.fullmatch(r"(.+?)(?:\s+(-1|0|1))?", line).groups()
        if mark == "-1":
            continue
        if image_id in ids:
            problems.append(f"{path}: {image_id} is listed more than once")
        ids[image_id] = None
    return list(ids)


def _list_images(folder: Path) -> dict[str, Path]:
    """Image files by their name without suffix; one listing, since files are many."""
    paths = sorted(folder.iterdir(), reverse=True)
    return {path.stem: path for path in paths if path.suffix.lower() in _IMAGE_SUFFIXES}


def _read_annotation(year, image_id, unique_id, images) -> ImageAnnotation:
    path = year / "Annotations" / f"{image_id}.xml"
    try:
        root = ElementTree.fromstring(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    # An unknown encoding is a LookupError or a plain ValueError.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ValueError(f"{path}: not valid XML ({error})") from error
    if root.tag != "annotation":
        raise ValueError(f"{path}: the XML's root must be <annotation>, not <{root.tag}>")
    # <filename> is often wrong in people's own data; the id is not.
    if image_id not in images:
        raise ValueError(
            f"{year / 'JPEGImages' / image_id}: no image with the suffix "
            f"{', '.join(_IMAGE_SUFFIXES)}"
        )
    image = images[image_id]
    objects = [_parse_object(element, path) for element in root.findall("object")]
    size = _parse_size(root) or read_image(image).shape[:2]
    return ImageAnnotation(unique_id, image, size, objects, path)


def _parse_size(root) -> tuple[int, int] | None:
    """(height, width), or None where the XML does not tell it."""
    height, width = (root.findtext(f"size/{name}", "").strip() for name in ("height", "width"))
    known = height.isdecimal() and width.isdecimal() and int(height) > 0 and int(width) > 0
    return (int(height), int(width)) if known else None


def _parse_object(element, path) -> ObjectAnnotation:
    class_name = element.findtext("name", "").strip()
    if not class_name:
        raise ValueError(f"{path}: an <object> without <name>")
    texts = [element.findtext(f"bndbox/{name}", "") for name in ("xmin", "ymin", "xmax", "ymax")]
    try:
        box = tuple(map(float, texts))
    except ValueError as error:
        raise ValueError(
            f"{path}: {class_name} box ({', '.join(texts)}): xmin, ymin, xmax and ymax must be "
            "numbers"
        ) from error
    difficult = element.findtext("difficult", "0").strip()
    if difficult not in ("0", "1"):
        raise ValueError(f"{path}: <difficult> must be 0 or 1, not {difficult!r}")
    return ObjectAnnotation(class_name, box, difficult == "1")
