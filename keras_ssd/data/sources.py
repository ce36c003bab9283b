"""Annotated images from one or more sources, whatever their format."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from keras_ssd.data.coco import load_coco
from keras_ssd.data.csv import load_csv
from keras_ssd.data.dataset import AnnotatedImages, merge
from keras_ssd.data.tfds import find_splits, load_tfds
from keras_ssd.data.voc import find_image_sets, load_voc

_TFDS = "tfds:"
_LOAD_FILE = {".json": load_coco, ".csv": load_csv}


def load(
    sources: Iterable[str | Path],
    image_set: str | None = None,
    *,
    default_set: str = "trainval",
    exclude: str | Path | None = None,
    image_folder: str | Path | None = None,
    class_names: Iterable[str] | None = None,
    difficult: str = "keep",
    unknown_classes: str = "error",
    errors: list[ValueError] | None = None,
) -> AnnotatedImages:
    """Loads sources one after the other, each by the function for what it is.

    Args:
        sources: each a folder (`load_voc`), a .json file (`load_coco`), a .csv file (`load_csv`),
            or "tfds:" and the name of a prepared data set (`load_tfds`).
        image_set: of a folder a file of ImageSets/Main, "all", or a slice such as "0:160"; of a
            file "all" or a slice; of TensorFlow Datasets a split. None: all of a source whose
            images come in no sets with names, and of others `default_set`. Or the path of a .txt
            file with one id a line, of images of any of the sources.
        default_set: see there.
        exclude: a file of ids, whose images are left out.
        image_folder: what image names in a file are relative to; None takes the file's folder.
        class_names: in the order of the labels; None takes all that any source has, in the order
            of the one source, or sorted where there are several.
        difficult, unknown_classes, errors: as in `load_voc`.

    Raises:
        ValueError: a source is none of these, see the functions for them, or two sources have an
            image in common.
    """
    sources = [str(source) for source in sources]
    ids_file = image_set if str(image_set).endswith(".txt") else None
    if ids_file is not None:
        image_set = "all"

    rules = {"class_names": class_names, "difficult": difficult, "errors": errors}
    rules["unknown_classes"] = unknown_classes
    datasets = []
    for source in sources:
        default = default_set if _has_image_sets(source) else "all"
        datasets.append(_load_one(source, image_set or default, image_folder, rules))
    if class_names is None and len(sources) > 1:
        found = sorted({name for data in datasets for name in data.class_names})
        datasets = [data.with_class_names(found) for data in datasets]
    data = merge(datasets)
    if ids_file is not None:
        data = _only(data, ids_file)
    return data if exclude is None else _without(data, exclude)


def _only(data, path) -> AnnotatedImages:
    """The images of the ids in a file, in its order."""
    sample_of = {sample.id: sample for sample in data.samples}
    ids = _read_ids(path)
    unknown = [image_id for image_id in ids if image_id not in sample_of]
    if unknown:
        raise ValueError(
            f"{path}: {len(unknown)} of {len(ids)} ids are of no image, such as {unknown[0]!r}"
        )
    return replace(data, samples=[sample_of[image_id] for image_id in ids])


def _without(data, path) -> AnnotatedImages:
    """All images but those of the ids in a file, which may name images of other sources too."""
    ids = set(_read_ids(path))
    left = [sample for sample in data.samples if sample.id not in ids]
    if not left:
        raise ValueError(f"{path}: leaves none of {len(data)} images")
    problem = f"{path}: {len(data) - len(left)} of its {len(ids)} ids are of images left out"
    return replace(data, samples=left, problems=[*data.problems, problem])


def list_image_sets(source: str) -> list[str]:
    """Names of a source's image sets; none where its images come in no sets with names."""
    if source.startswith(_TFDS):
        return find_splits(source.removeprefix(_TFDS))
    return find_image_sets(source) if Path(source).is_dir() else []


def _read_ids(path) -> list[str]:
    try:
        ids = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: expected a text file with one id a line ({error})") from error
    ids = list(dict.fromkeys(filter(None, ids)))
    if not ids:
        raise ValueError(f"{path}: holds no id")
    return ids


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
