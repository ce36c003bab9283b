"""Annotated images from one or more sources, whatever their format."""

from collections.abc import Iterable
from pathlib import Path

from keras_ssd.data.coco import load_coco
from keras_ssd.data.csv import load_csv
from keras_ssd.data.dataset import AnnotatedImages, merge
from keras_ssd.data.tfds import load_tfds
from keras_ssd.data.voc import find_image_sets, load_voc

_TFDS = "tfds:"
_LOAD_FILE = {".json": load_coco, ".csv": load_csv}


def load(
    sources: Iterable[str | Path],
    image_set: str | None = None,
    *,
    default_set: str = "trainval",
    image_folder: str | Path | None = None,
    class_names: Iterable[str] | None = None,
    difficult: str = "keep",
    unknown_classes: str = "error",
) -> AnnotatedImages:
    """Loads sources one after the other, each by the function for what it is.

    Args:
        sources: each a folder (`load_voc`), a .json file (`load_coco`), a .csv file (`load_csv`),
            or "tfds:" and the name of a prepared data set (`load_tfds`).
        image_set: of a folder a file of ImageSets/Main, "all", or a slice such as "0:160"; of a
            file "all" or a slice; of TensorFlow Datasets a split. None: all of a source whose
            images come in no sets with names, and of others `default_set`.
        default_set: see there.
        image_folder: what image names in a file are relative to; None takes the file's folder.
        class_names: in the order of the labels; None takes all that any source has, in the order
            of the one source, or sorted where there are several.
        difficult, unknown_classes: as in `load_voc`.

    Raises:
        ValueError: a source is none of these, see the functions for them, or two sources have an
            image in common.
    """
    sources = [str(source) for source in sources]

    def load_each(class_names):
        rules = {"difficult": difficult, "unknown_classes": unknown_classes}
        rules["class_names"] = class_names
        for source in sources:
            default = default_set if _has_image_sets(source) else "all"
            yield _load_one(source, image_set or default, image_folder, rules)

    if class_names is None and len(sources) > 1:
        class_names = sorted({name for data in load_each(None) for name in data.class_names})
    return merge(load_each(class_names))


def _load_one(source, image_set, image_folder, rules) -> AnnotatedImages:
    path = Path(source)
    if path.suffix.lower() in _LOAD_FILE and not path.is_dir():
        load_file = _LOAD_FILE[path.suffix.lower()]
        return load_file(path, image_folder, image_set, **rules)
    if image_folder is not None:
        raise ValueError(
            f"image_folder {image_folder}: is for .json and .csv files only, not for {source}"
        )
    if source.startswith(_TFDS):
        return load_tfds(source.removeprefix(_TFDS), image_set, **rules)
    if path.is_file():
        raise ValueError(f"{source}: expected a folder, a .json or .csv file, or tfds:NAME")
    return load_voc(path, image_set, **rules)


def _has_image_sets(source) -> bool:
    if source.startswith(_TFDS):
        return True
    return Path(source).is_dir() and bool(find_image_sets(source))
