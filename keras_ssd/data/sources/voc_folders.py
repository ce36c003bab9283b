"""Finds the images and XML files of PASCAL VOC's format in the folders that tools write."""

import os
from pathlib import Path
from typing import NamedTuple

from keras_ssd.data.annotations import composed
from keras_ssd.data.sources.source import SPLIT_NAMES

# The formats that OpenCV decodes on every system.
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".gif", ".avif"),
)
_IMAGE_FOLDERS, _XML_FOLDERS = ("JPEGImages", "images"), ("Annotations",)
# Folders that archive tools and file servers add, besides those that begin with a dot.
_NOT_DATA = {"__MACOSX", "@eaDir"}


class VocFolder(NamedTuple):
    """A folder of images and the folder of their XML files, which may be the same.

    Attributes:
        name: the name of the folder that contains both.
        images, annotations: the two folders, which need not exist.
        image_sets: the folder of the .txt files that list the ids of a set; it need not exist.
        is_set: whether the folder itself is an image set, which has the folder's name.
    """

    name: str
    images: Path
    annotations: Path
    image_sets: Path
    is_set: bool = False


def find_voc_folders(folder: Path) -> list[VocFolder]:
    """Returns the parts of a source in one of the known layouts, or an empty list.

    The layouts are: JPEGImages (or images), Annotations and perhaps ImageSets/Main; XML files
    beside their images; and a folder of such folders: the years of a VOCdevkit, or the sets
    "train", "valid" and "test".
    """
    if (one := _open(folder)) is not None:
        return [one]
    parts = [part for path in visible(folder) if path.is_dir() and (part := _open(path))]
    are_sets = all(part.name.lower() in SPLIT_NAMES for part in parts)
    return [part._replace(is_set=are_sets and not part.image_sets.is_dir()) for part in parts]


def list_files(folder: Path, suffixes: tuple[str, ...]) -> dict[str, list[Path]]:
    """Returns the files below a folder, by their relative path without suffix, composed, with "/".

    Hidden files and folders are left out. Files with the same key are sorted.
    """
    files: dict[str, list[Path]] = {}
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if _is_visible(name))
        below = Path(root).relative_to(folder).as_posix()
        prefix = "" if below == "." else f"{below}/"
        for name in sorted(names):
            stem, suffix = os.path.splitext(name)
            if _is_visible(name) and suffix.lower() in suffixes:
                files.setdefault(composed(prefix + stem), []).append(Path(root, name))
    return files


def visible(folder: Path) -> list[Path]:
    """Returns the files and folders in a folder, sorted, without hidden ones."""
    return sorted(path for path in folder.iterdir() if _is_visible(path.name))


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and name not in _NOT_DATA


def _open(folder: Path) -> VocFolder | None:
    images, annotations = _find(folder, _IMAGE_FOLDERS), _find(folder, _XML_FOLDERS)
    image_sets = folder / "ImageSets" / "Main"
    if image_sets.is_dir() or (images.is_dir() and annotations.is_dir()):
        return VocFolder(folder.name, images, annotations, image_sets)
    files = visible(folder)
    xml_stems = {path.stem for path in files if path.suffix.lower() == ".xml"}
    if any(path.stem in xml_stems and path.suffix.lower() in IMAGE_SUFFIXES for path in files):
        return VocFolder(folder.name, folder, folder, image_sets)
    return None


def _find(folder: Path, names: tuple[str, ...]) -> Path:
    """Returns the first subfolder that exists, in upper or lower case, or else the first name."""
    there = {path.name.lower(): path for path in visible(folder) if path.is_dir()}
    return next((there[n.lower()] for n in names if n.lower() in there), folder / names[0])
