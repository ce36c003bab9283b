"""Reads folders in PASCAL VOC's format: one XML file per image, and lists of ids as image sets."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from keras_ssd.data.annotations import ImageAnnotation, composed
from keras_ssd.data.problems import Problems
from keras_ssd.data.sources.source import Source
from keras_ssd.data.sources.voc_folders import (
    IMAGE_SUFFIXES,
    VocFolder,
    find_voc_folders,
    list_files,
)
from keras_ssd.data.sources.voc_xml import read_voc_xml
from keras_ssd.data.text_files import read_lines
from keras_ssd.images import CorruptImageError
from keras_ssd.terminal import counted


class VocSource(Source):
    """A folder in one of the layouts of `find_voc_folders`.

    An image's id is the path of its XML file below the folder of annotations, without suffix,
    such as "000005" or "camera 1/0001". If two years have the same id, it is prefixed by the year.
    The set "all" is every annotation, year by year, sorted by id as text. Coordinates stay as they
    are: 1 is not subtracted (as in Caffe's `io.cpp`).

    Raises:
        ValueError: the folder has another layout. The methods raise it if a folder of images or
            annotations is missing.
    """

    def __init__(self, folder: Path):
        self.name = str(folder)
        self._folders = find_voc_folders(folder)
        if not self._folders:
            raise ValueError(
                f"{folder}: neither a folder with JPEGImages, Annotations and perhaps "
                "ImageSets/Main, nor one with .xml files beside images, nor a folder of such ones"
            )
        self._listings: dict[VocFolder, tuple[dict, dict]] = {}
        self._place_of: dict[str, tuple[VocFolder, str]] = {}
        named = {path.stem for part in self._folders for path in _set_files(part)}
        of_folders = {part.name for part in self._folders if part.is_set}
        self.image_sets = sorted(named | of_folders)

    def list_ids(self, image_set: str | None, problems: Problems) -> list[str]:
        parts = [part for part in self._folders if image_set is None or _has(part, image_set)]
        for path in (path for part in parts for path in (part.images, part.annotations)):
            if not path.is_dir():
                raise ValueError(f"{path}: there is no such folder")
        listed = [
            (part, stem) for part in parts for stem in self._list_stems(part, image_set, problems)
        ]
        ids = []
        shared = self._stems_of_several_folders()
        for part, stem in listed:
            image_id = f"{part.name}_{stem}" if stem in shared else stem
            self._place_of[image_id] = (part, stem)
            ids.append(image_id)
        return ids

    def read(self, image_id: str, problems: Problems) -> ImageAnnotation:
        part, stem = self._place_of[image_id]
        xml_files, images = self._files(part)
        paths = xml_files.get(stem, [part.annotations / f"{stem}.xml"])
        size, objects = read_voc_xml(paths[0], problems)
        # <filename> is often wrong in people's own data; the name of the XML file is not.
        if stem not in images:
            raise CorruptImageError(
                f"{part.images / stem}: no image with the suffix {', '.join(IMAGE_SUFFIXES)}"
            )
        if len(images[stem]) > 1:
            names = ", ".join(path.name for path in images[stem])
            problems.note(f"{part.images}: {names} have one annotation; the first is taken")
        return ImageAnnotation(image_id, images[stem][0], size, objects, paths[0])

    def _files(self, part: VocFolder) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
        """Lists XML files and images by their names without suffix, once for each folder."""
        if part not in self._listings:
            xml_files = list_files(part.annotations, (".xml",))
            self._listings[part] = xml_files, list_files(part.images, IMAGE_SUFFIXES)
        return self._listings[part]

    def _stems_of_several_folders(self) -> set[str]:
        if len(self._folders) == 1:
            return set()
        counts = Counter(stem for part in self._folders for stem in self._files(part)[0])
        return {stem for stem, count in counts.items() if count > 1}

    def _list_stems(self, part, image_set, problems) -> list[str]:
        xml_files, images = self._files(part)
        if image_set is not None and not part.is_set:
            file = part.image_sets / f"{image_set}.txt"
            return read_image_set(file, xml_files.__contains__, problems)
        stems = sorted(xml_files)
        others = images.keys() - xml_files.keys()
        if others and stems:
            problems.note(
                f"{part.images}: left out {counted(len(others), 'image')} without an "
                f"annotation, such as {min(others)}"
            )
        if not stems:
            raise ValueError(f"{part.annotations}: there is no .xml file")
        return stems


def read_image_set(path: Path, exists: Callable[[str], bool], problems: Problems) -> list[str]:
    """Returns the ids in a file of ImageSets/Main, each once.

    The list of one class, such as dog_train.txt, has a mark after each id: 1, 0 or -1. Images with
    the mark -1 are left out. The name of an image may also end in a number, as "IMG 1" does. So a
    file is taken for the list of a class only if every line ends in a mark, and names an annotation
    without its mark but not with it.

    Args:
        path: the path of the file.
        exists: a function that tells whether there is an annotation of this id.
        problems: the place for notes on ids that are listed twice.

    Raises:
        ValueError: the file is not a text file.
    """
    lines = list(map(composed, read_lines(path, names_of_files=True)))
    marked = [_split_mark(line) for line in lines]
    if all(mark and exists(stem) for stem, mark in marked) and not any(map(exists, lines)):
        lines = [stem for stem, mark in marked if mark != "-1"]
    for line, count in Counter(lines).items():
        if count > 1:
            problems.note(f"{path}: {line} is listed more than once")
    return list(dict.fromkeys(lines))


def _split_mark(line: str) -> tuple[str, str | None]:
    """Splits a line into its text and its mark; the mark is None if it has none."""
    parts = line.rsplit(maxsplit=1)
    if len(parts) == 2 and parts[1] in ("1", "0", "-1"):
        return parts[0], parts[1]
    return line, None


def _has(part: VocFolder, image_set: str) -> bool:
    if part.is_set:
        return part.name == image_set
    return (part.image_sets / f"{image_set}.txt").is_file()


def _set_files(part: VocFolder) -> list[Path]:
    if not part.image_sets.is_dir():
        return []
    return [path for path in part.image_sets.glob("*.txt") if not path.name.startswith(".")]
