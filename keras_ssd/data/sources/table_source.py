"""Sources with all annotations in one .json or .csv file, or in one file for each image set."""

from collections.abc import Callable, Iterable
from pathlib import Path

from keras_ssd.data.annotations import ImageAnnotation, composed, find_image
from keras_ssd.data.problems import Problems
from keras_ssd.data.sources.read_coco import read_coco
from keras_ssd.data.sources.read_csv import read_csv
from keras_ssd.data.sources.source import Source
from keras_ssd.data.sources.voc_folders import visible

_READERS = {".json": read_coco, ".csv": read_csv}
TABLE_SUFFIXES = tuple(_READERS)
_OF_A_SET = ("_annotations.coco.json", "_annotations.csv")  # Roboflow's names


class TableFile(Source):
    """One .json file in COCO's format, or one .csv file.

    An image's id is its name in the file. There are no image sets.

    Args:
        file: the path of the file; its suffix tells the format.
        image_folder: the folder that names in the file are relative to; None takes the file's own
            folder.
        problems: the place for errors in the file, which is read at once.

    Raises:
        ValueError: the file cannot be read, or is not in its format.
    """

    def __init__(self, file: Path, image_folder: Path | None, problems: Problems):
        self.name = str(file)
        folders = [file.parent if image_folder is None else image_folder]
        images, self.class_names = _read(file, folders, problems)
        self._images = {composed(image.id): image for image in images}

    def list_ids(self, image_set: str | None, problems: Problems) -> list[str]:
        return list(self._images)

    def read(self, image_id: str, problems: Problems) -> ImageAnnotation:
        return self._images[image_id]


class TableFolder(Source):
    """A folder with one .json or .csv file for each image set, as `find_tables` finds them.

    An image's id is its path in the folder. The files are read when they are needed.

    Args:
        folder: the folder.
        tables: the file of each image set.
    """

    def __init__(self, folder: Path, tables: dict[str, Path]):
        self.name = str(folder)
        self.image_sets = list(tables)
        self._folder, self._tables = folder, tables
        self._ids_of: dict[str, list[str]] = {}
        self._images: dict[str, ImageAnnotation] = {}

    def list_ids(self, image_set: str | None, problems: Problems) -> list[str]:
        names = self.image_sets if image_set is None else [image_set]
        ids = [image_id for name in names for image_id in self._open(name, problems)]
        return list(dict.fromkeys(ids))

    def read(self, image_id: str, problems: Problems) -> ImageAnnotation:
        return self._images[image_id]

    def _open(self, image_set, problems) -> list[str]:
        """Reads a set, keeps its annotations, and returns the ids of its images."""
        if image_set not in self._ids_of:
            images, class_names = _read(
                self._tables[image_set], self._image_folders(image_set), problems
            )
            if class_names is not None:
                known = self.class_names or ()
                self.class_names = known + tuple(n for n in class_names if n not in known)
            self._ids_of[image_set] = [self._keep(image) for image in images]
        return self._ids_of[image_set]

    def _keep(self, image: ImageAnnotation) -> str:
        path = image.image
        assert isinstance(path, Path)  # as `_read` finds it
        inside = path.is_relative_to(self._folder)
        image_id = composed((path.relative_to(self._folder) if inside else path).as_posix())
        kept = ImageAnnotation(image_id, path, image.size, image.objects, image.where)
        self._images.setdefault(image_id, kept)  # its annotation is the same in every set
        return image_id

    def _image_folders(self, image_set: str) -> list[Path]:
        table, root = self._tables[image_set], self._folder
        images = root / "images"
        return [table.parent, images, images / image_set, root / image_set, root]


def find_tables(folder: Path) -> dict[str, Path]:
    """Returns the file of each image set in a folder of a known tool, or an empty dictionary.

    The layouts are: a file of Roboflow's name in the folder, or in each of its subfolders; and
    COCO's annotations/instances_*.json.
    """
    for name in _OF_A_SET:
        if (folder / name).is_file():
            return {"all": folder / name}
        found = {path.name: path / name for path in visible(folder) if (path / name).is_file()}
        if found:
            return found
    annotations = folder / "annotations"
    files = visible(annotations) if annotations.is_dir() else []
    if any(path.suffix.lower() == ".xml" for path in files):
        return {}
    files = [path for path in files if path.suffix.lower() == ".json"]
    instances = [path for path in files if path.name.startswith("instances_")]
    return {path.stem.removeprefix("instances_"): path for path in instances or files}


def find_csv_files(folder: Path) -> dict[str, Path]:
    """Returns the .csv files in a folder; each is an image set with the name of the file."""
    return {path.stem: path for path in visible(folder) if path.suffix.lower() == ".csv"}


def _read(file: Path, image_folders: Iterable[Path], problems: Problems):
    folders = list(image_folders)

    read: Callable = _READERS[file.suffix.lower()]
    return read(file, lambda name: find_image(name, folders, file), problems)
