"""Readers of annotated images: one for each format that tools write."""

from pathlib import Path

from keras_ssd.data.problems import Problems
from keras_ssd.data.sources.read_labelme import LabelmeSource, is_labelme_folder
from keras_ssd.data.sources.read_tfds import TfdsSource
from keras_ssd.data.sources.read_voc import VocSource
from keras_ssd.data.sources.read_yolo import (
    YAML_SUFFIXES,
    YoloSource,
    find_name_list,
    find_yolo_file,
)
from keras_ssd.data.sources.source import Source
from keras_ssd.data.sources.table_source import (
    TABLE_SUFFIXES,
    TableFile,
    TableFolder,
    find_csv_files,
    find_tables,
)
from keras_ssd.data.sources.voc_folders import find_voc_folders, visible

__all__ = ["Source", "open_source"]

_TFDS = "tfds:"
EXPECTED = (
    "a folder in the format of PASCAL VOC, COCO, YOLO or labelme, a .json, .csv or .yaml file, or "
    "tfds:NAME of a data set of TensorFlow Datasets"
)


def open_source(source: str | Path, image_folder: str | Path | None, problems: Problems) -> Source:
    """Finds out what a source is, and opens it.

    Args:
        source: the source, as in `load`.
        image_folder: the folder that image names in a .json or .csv file are relative to; None
            takes the file's own folder.
        problems: the place for errors in a .json or .csv file, which is read at once.

    Raises:
        ValueError: the source has another format, or an image folder is given for a source that
            does not need one.
    """
    text, path = str(source), Path(source)
    is_table = path.suffix.lower() in TABLE_SUFFIXES and not path.is_dir()
    if image_folder is not None and not is_table:
        raise ValueError(
            f"image_folder {image_folder}: is for .json and .csv files only, not for {source}"
        )
    if text.startswith(_TFDS):
        return TfdsSource(text.removeprefix(_TFDS))
    if is_table:
        return TableFile(path, None if image_folder is None else Path(image_folder), problems)
    if path.suffix.lower() in YAML_SUFFIXES and not path.is_dir():
        return YoloSource(path)
    if path.is_file():
        raise ValueError(f"{source}: expected {EXPECTED}")
    if not path.is_dir():
        raise ValueError(f"{source}: there is no such folder")
    return _open_folder(path)


def _open_folder(folder: Path) -> Source:
    if (yaml := find_yolo_file(folder)) is not None:
        return YoloSource(yaml)
    if tables := find_tables(folder):
        return TableFolder(folder, tables)
    if find_voc_folders(folder):
        return VocSource(folder)
    if is_labelme_folder(folder):
        return LabelmeSource(folder)
    if (names := find_name_list(folder)) is not None:
        return YoloSource(names)
    if tables := find_csv_files(folder):
        return TableFolder(folder, tables)
    json_files = [path.name for path in visible(folder) if path.suffix.lower() == ".json"]
    hint = f"; or give the file itself, such as {folder / json_files[0]}" if json_files else ""
    raise ValueError(
        f"{folder}: neither a folder with JPEGImages, Annotations and perhaps ImageSets/Main, nor "
        "one with .xml or labelme's .json files beside images, nor one with data.yaml, "
        f"annotations/instances_*.json or .csv files, nor a folder of such folders{hint}"
    )
