"""Reads data sets in YOLO's format: a .yaml file or list of names, and one .txt file per image."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_ssd.data.annotations import (
    ImageAnnotation,
    ObjectAnnotation,
    box_around,
    class_name,
    composed,
    existing_file,
    parse_box,
)
from keras_ssd.data.problems import AnnotationError, Problems
from keras_ssd.data.sources.source import SPLIT_NAMES, Source
from keras_ssd.data.sources.voc_folders import IMAGE_SUFFIXES, list_files, visible
from keras_ssd.data.text_files import read_lines, read_text
from keras_ssd.images import CorruptImageError
from keras_ssd.images.sizes import image_size
from keras_ssd.terminal import counted

YAML_SUFFIXES = (".yaml", ".yml")
_NAME_LISTS = ("classes.txt", "obj.names")


class YoloSource(Source):
    """A data set as Ultralytics and Roboflow describe it in data.yaml.

    `names` is a list or a dictionary of the classes. `train`, `val` and others are each a folder
    of images, a .txt file with one image in each line, or a list of these. They are relative to
    `path`, or to the file's folder. The labels of images/a/1.jpg are in labels/a/1.txt; for images
    in other folders they are beside the image. An image's id is its path in the folder of the .yaml
    file.

    Instead of the .yaml file there may be a list of names, classes.txt or obj.names, as LabelImg,
    Label Studio and CVAT write it. Then there are no image sets.

    A line of labels is a class and (x center, y center, width, height), relative to the image; or a
    class and a polygon. The box of a polygon is the box around it.

    Args:
        file: the path of the .yaml file, or of the list of names.

    Raises:
        ValueError: the file is not in this format.
        ImportError: PyYAML is missing.
    """

    def __init__(self, file: Path):
        self.name = str(file)
        self._folder = file.parent
        self._files_of: dict[str, tuple[Path, Path | None]] = {}  # image and labels
        self._has_keypoints = False
        if file.suffix.lower() in YAML_SUFFIXES:
            content = _read_yaml(file)
            self.class_names = _read_names(content, file)
            self._root = _find_root(content.get("path"), self._folder)
            self._has_keypoints = "kpt_shape" in content
            self._sets = {
                key: places
                for key, value in content.items()
                if (key in SPLIT_NAMES or self._are_images(key, value))
                and (places := _as_list(value))
            }
            if not self._sets:
                raise ValueError(f"{file}: names no images; expected the key train, val or test")
        else:
            self.class_names = tuple(map(class_name, read_lines(file)))
            self._root = self._folder
            self._sets = {}
        self.image_sets = list(self._sets)

    def list_ids(self, image_set: str | None, problems: Problems) -> list[str]:
        if not self._sets:
            images = self._folder / "images"
            places = [str(images if images.is_dir() else self._folder)]
        elif image_set is None:
            places = [place for places in self._sets.values() for place in places]
        else:
            places = self._sets[image_set]
        ids = [self._keep(path) for place in places for path in self._list_images(place)]
        ids = list(dict.fromkeys(ids))
        unlabeled = [image_id for image_id in ids if self._files_of[image_id][1] is None]
        if unlabeled and len(unlabeled) == len(ids):
            among = counted(len(ids), "image")
            raise ValueError(f"{self.name}: none of {among} has a .txt file of labels")
        if unlabeled:
            problems.note(
                f"{self.name}: images without labels are taken for images without objects: "
                f"{len(unlabeled)} of {len(ids)}, such as {unlabeled[0]}"
            )
        return ids

    def read(self, image_id: str, problems: Problems) -> ImageAnnotation:
        image, labels = self._files_of[image_id]
        if not image.is_file():
            raise CorruptImageError(f"{self.name}: there is no image {image}")
        if labels is None:
            return ImageAnnotation(image_id, image, None, [], image)
        height, width = image_size(image)
        objects = []
        for number, line in enumerate(read_lines(labels), start=1):
            with problems.leaving_out():
                where = f"{labels}, line {number}"
                objects.append(self._parse(line.split(), where, width, height))
        return ImageAnnotation(image_id, image, (height, width), objects, labels)

    def _parse(self, texts, where, width, height) -> ObjectAnnotation:
        class_index, *values = texts
        name = self._class_name(class_index, where)
        if self._has_keypoints:
            values = values[:4]
        if len(values) == 4:
            center_x, center_y, w, h = parse_box(values, f"{where}: {name} box", "all four")
            box = (center_x - w / 2, center_y - h / 2, center_x + w / 2, center_y + h / 2)
        elif len(values) >= 6 and len(values) % 2 == 0:
            try:
                box = box_around([float(value) for value in values])
            except ValueError as error:
                raise AnnotationError(f"{where}: a polygon must be numbers ({error})") from error
        else:
            raise AnnotationError(
                f"{where}: expected a class and x, y, width, height, or a class and a polygon, not "
                f"{len(texts)} values"
            )
        if not all(-0.5 <= value <= 1.5 for value in box):
            raise AnnotationError(
                f"{where}: the values must be relative to the image, from 0 to 1, not pixels: "
                f"{' '.join(values[:4])}"
            )
        pixels = tuple(value * side for value, side in zip(box, (width, height) * 2, strict=True))
        return ObjectAnnotation(name, pixels)

    def _class_name(self, text: str, where: str) -> str:
        number = float(text) if text.replace(".", "", 1).isdecimal() and len(text) < 20 else -1.0
        names = self.class_names or ()
        if not number.is_integer() or not 0 <= number < len(names):
            raise AnnotationError(
                f"{where}: the class must be a number from 0 to {len(names) - 1}, as {self.name} "
                f"names {counted(len(names), 'class', 'classes')}, not {text[:40]!r}"
            )
        return names[int(number)]

    def _keep(self, path: Path) -> str:
        inside = path.is_relative_to(self._folder)
        image_id = composed((path.relative_to(self._folder) if inside else path).as_posix())
        if image_id not in self._files_of:
            self._files_of[image_id] = path, _find_labels(path)
        return image_id

    def _list_images(self, place: str) -> Iterator[Path]:
        """Yields the images of a folder, sorted, or those that a .txt file lists."""
        path = self._find(place)
        if path is None:
            raise ValueError(f"{self.name}: there is no folder or file {place!r} in {self._root}")
        if path.is_dir():
            files = list_files(path, IMAGE_SUFFIXES)
            yield from (image for images in files.values() for image in images)
            return
        for line in read_lines(path, names_of_files=True):
            image = Path(line)
            # CVAT writes the path with "data/" before it.
            without_first = Path(*image.parts[1:])
            candidates = [
                path.parent / image,
                self._root / image,
                image,
                path.parent / without_first,
            ]
            found = (existing_file(candidate) for candidate in candidates)
            yield next(filter(None, found), path.parent / image)

    def _find(self, place: str) -> Path | None:
        """Returns the folder or file that an entry of the .yaml file names.

        Roboflow writes "../train/images" for a folder beside the file.
        """
        for text in (place, place.removeprefix("../")):
            for folder in (self._root, self._folder):
                if (folder / text).exists():
                    return Path(os.path.normpath(folder / text))
        return None

    def _are_images(self, key: str, value: Any) -> bool:
        """Tells whether a key is an image set although it is not one of the usual names."""
        return (
            key not in ("path", "names")
            and isinstance(value, str)
            and value.endswith(".txt")
            and self._find(value) is not None
        )


def find_yolo_file(folder: Path) -> Path | None:
    """Returns the .yaml file that describes a folder's data set, or None."""
    files = [path for path in visible(folder) if path.suffix.lower() in YAML_SUFFIXES]
    named = [path for path in files if path.stem.lower() in ("data", "dataset")]
    return next(iter(named or files), None)


def find_name_list(folder: Path) -> Path | None:
    """Returns the list of names in a folder that has no .yaml file, or None."""
    return next((folder / name for name in _NAME_LISTS if (folder / name).is_file()), None)


def _read_yaml(file: Path) -> dict[str, Any]:
    import yaml

    try:
        # This loader reads all values as texts, also a class that is called "no" or "1".
        content = yaml.load(read_text(file), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{file}: not valid YAML ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file}: expected the keys names and train, val or test")
    return content


def _read_names(content: dict[str, Any], file: Path) -> tuple[str, ...]:
    names = content.get("names")
    if isinstance(names, dict):
        numbers = [str(number) for number in range(len(names))]
        if sorted(names) != sorted(numbers):
            raise ValueError(f"{file}: the keys of names must be 0 to {len(names) - 1}")
        names = [names[number] for number in numbers]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise ValueError(f"{file}: names must be a list or dictionary of class names")
    return tuple(map(class_name, names))


def _find_root(path: Any, folder: Path) -> Path:
    """Returns the folder in a .yaml file's `path`, or the file's own if that does not exist."""
    if isinstance(path, str) and (folder / path).is_dir():
        return Path(os.path.normpath(folder / path))
    return folder


def _as_list(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str) and text]


def _find_labels(image: Path) -> Path | None:
    """Returns the .txt file with an image's labels, or None."""
    beside = image.with_suffix(".txt")
    parts = list(beside.parts)
    for index in range(len(parts) - 2, -1, -1):
        if parts[index].lower() == "images":
            parts[index] = "labels"
            found = existing_file(Path(*parts))
            if found is not None:
                return found
            break
    return existing_file(beside)
