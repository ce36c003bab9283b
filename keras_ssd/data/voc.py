"""Data sets in the layout of PASCAL VOC: JPEGImages, Annotations (XML) and ImageSets/Main."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from keras_ssd.data.dataset import (
    AnnotatedImages,
    ImageAnnotation,
    ObjectAnnotation,
    collecting,
    from_annotations,
    select_images,
)
from keras_ssd.images import CorruptImageError

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")


def load_voc(
    folder: str | Path,
    image_set: str = "trainval",
    *,
    class_names: Iterable[str] | None = None,
    difficult: str = "keep",
    unknown_classes: str = "error",
    errors: list[ValueError] | None = None,
) -> AnnotatedImages:
    """Loads the annotations of an image set; images are read later.

    Coordinates are divided by the image's size as they are, without subtracting 1 (Caffe's
    `io.cpp`). Boxes are clipped to the image; what is left without area is dropped.

    Args:
        folder: holds JPEGImages (or images), Annotations and, if there are image sets,
            ImageSets/Main, whatever the case of the first two; or is a VOCdevkit: then every year
            in it that has the image set is loaded. An id that two years share gets its year's
            folder name in front.
        image_set: a file of ImageSets/Main without ".txt"; "all", which is every annotation in
            the order of Python's `sorted` on the ids, as text; or a slice of it, such as "0:160".
            Of a class's own list, such as "dog_train", the images marked -1 are left out.
        class_names: in the order of the labels; None takes all names found, sorted, which for
            the whole of VOC is its official order.
        difficult: "keep" or "drop" difficult objects.
        unknown_classes: what an object outside `class_names` leads to: an "error", or "skip"
            leaves such objects out and reports their number.
        errors: a list takes the error of each image, annotation or object that cannot be used,
            which is left out, and of each box dropped; None raises the first.

    Raises:
        ValueError: a folder, image set, image or annotation is missing or not as expected; the
            message names it.
    """
    problems = []
    listed = _list_image_set(Path(folder), image_set, problems)
    years_with = Counter(image_id for _, image_id in listed)
    images_of = {year: _list_images(year.images) for year in {year for year, _ in listed}}
    annotations = []
    for year, image_id in listed:
        unique_id = image_id if years_with[image_id] == 1 else f"{year.name}_{image_id}"
        with collecting(errors):
            annotations.append(_read_annotation(year, image_id, unique_id, images_of[year]))
    loaded = from_annotations(
        annotations,
        class_names,
        difficult=difficult,
        unknown_classes=unknown_classes,
        errors=errors,
    )
    return AnnotatedImages(loaded.samples, loaded.class_names, problems + loaded.problems)


def find_image_sets(folder: str | Path) -> list[str]:
    """Names of the files in ImageSets/Main, of every year in a VOCdevkit; none without it."""
    years = _find_years(Path(folder))
    return sorted({path.stem for year in years for path in year.image_sets.glob("*.txt")})


class _Year(NamedTuple):
    """A folder in VOC's layout; the parts need not exist."""

    name: str
    images: Path
    annotations: Path
    image_sets: Path


def _find_years(folder: Path) -> list[_Year]:
    """`folder` itself, or the years of a VOCdevkit."""
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir())
    for candidates in ([folder], subfolders):
        if years := [year for path in candidates if (year := _open_year(path))]:
            return years
    raise ValueError(
        f"{folder}: neither a folder with JPEGImages, Annotations and perhaps ImageSets/Main, nor "
        "a VOCdevkit of such folders"
    )


def _open_year(folder: Path) -> _Year | None:
    year = _Year(
        folder.name,
        _find_part(folder, "JPEGImages", "images"),
        _find_part(folder, "Annotations"),
        folder / "ImageSets" / "Main",
    )
    is_voc = year.image_sets.is_dir() or (year.images.is_dir() and year.annotations.is_dir())
    return year if is_voc else None


def _find_part(folder: Path, *names: str) -> Path:
    """The first of these subfolders that is there, in any case; else the first of the names."""
    there = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    return next((there[n.lower()] for n in names if n.lower() in there), folder / names[0])


def _list_image_set(folder, image_set, problems) -> list[tuple[_Year, str]]:
    """The year and id of each image in an image set; extends `problems`."""
    years = _find_years(folder)
    file_of = {year: year.image_sets / f"{image_set}.txt" for year in years}
    having = [year for year, file in file_of.items() if file.is_file()]
    for year in having or years:
        for part in (year.images, year.annotations):
            if not part.is_dir():
                raise ValueError(f"{part}: there is no such folder")
    if having:
        listed = [(year, i) for year in having for i in _read_image_set(file_of[year], problems)]
        if not listed:
            raise ValueError(f"{folder}: image set {image_set!r} is empty")
        return listed
    listed = [(year, i) for year in years for i in _list_annotated(year, problems)]
    return select_images(listed, image_set, folder, find_image_sets(folder))


def _list_annotated(year: _Year, problems: list[str]) -> list[str]:
    """The ids of a year's annotations, sorted; extends `problems`."""
    ids = sorted(path.stem for path in year.annotations.glob("*.xml"))
    if not ids:
        raise ValueError(f"{year.annotations}: there is no .xml file")
    others = _list_images(year.images).keys() - set(ids)
    if others:
        problems.append(
            f"{year.images}: {len(others)} image(s) without an annotation are left out, such as "
            f"{min(others)}"
        )
    return ids


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
    path = year.annotations / f"{image_id}.xml"
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
        raise CorruptImageError(
            f"{year.images / image_id}: no image with the suffix {', '.join(_IMAGE_SUFFIXES)}"
        )
    objects = [_parse_object(element, path) for element in root.findall("object")]
    return ImageAnnotation(unique_id, images[image_id], _parse_size(root), objects, path)


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
