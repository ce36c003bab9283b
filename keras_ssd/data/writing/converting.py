"""Converts annotated images from any format that `load` reads to VOC, COCO, YOLO or CSV."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.loading import left_out_kinds
from keras_ssd.data.problems import Problems
from keras_ssd.data.rules import Rules, apply_rules, check_choice
from keras_ssd.data.sample import Sample
from keras_ssd.data.source_pool import Key, SourcePool, is_ids_file
from keras_ssd.data.sources.source import SPLIT_NAMES
from keras_ssd.data.writing import write_coco, write_csv, write_voc, write_yolo
from keras_ssd.data.writing.image_names import image_names
from keras_ssd.files import as_many

_FORMATS = {
    "voc": (write_voc.IMAGE_FOLDER, write_voc.write_voc),
    "coco": (write_coco.IMAGE_FOLDER, write_coco.write_coco),
    "yolo": (write_yolo.IMAGE_FOLDER, write_yolo.write_yolo),
    "csv": (write_csv.IMAGE_FOLDER, write_csv.write_csv),
}
FORMATS = tuple(_FORMATS)


@dataclass(frozen=True)
class ConvertedData:
    """The result of `convert_data`.

    Attributes:
        folder: the folder that was written.
        data: the images as they were read; `problems` lists what was repaired or left out.
        sets: the number of images in each set.
    """

    folder: Path
    data: AnnotatedImages
    sets: dict[str, int]


def convert_data(
    source: str | Path,
    folder: str | Path,
    to: str,
    *,
    image_sets: str | Path | Iterable[str | Path] | None = None,
    image_folder: str | Path | None = None,
    class_names: Iterable[str] | None = None,
    unknown_classes: str = "error",
    corrupt_images: str = "error",
    bad_annotations: str = "error",
    link: bool = False,
    progress: Callable[[Sequence], Iterable] = iter,
) -> ConvertedData:
    """Writes a new folder with annotations in another format, and copies of the images.

    `load(folder, image_set)` then gives the same images with the same boxes, classes and difficult
    objects as before, in the same order. COCO marks difficult objects as crowds; YOLO has no mark
    for them. VOC and CSV do not list the classes; class_names.txt does.

    Args:
        source: the source to read, as in `load`.
        image_folder, class_names, unknown_classes, corrupt_images, bad_annotations: as in `load`.
        folder: the folder to write. It must be empty or not exist.
        to: the format to write: "voc", "coco", "yolo" or "csv".
        image_sets: the sets to convert: names, slices, or .txt files of ids. None takes train,
            val, test and the like, or all sets if the source has none of these, or all images.
        link: whether to make hard links to the images instead of copies. Links take no space, but
            a change of one file changes the other.
        progress: a function that is called with the images to copy and yields them.

    Raises:
        ValueError: the folder is not empty, an image set is missing, or `load` would raise it.
            Then nothing is written.
        OSError: a file cannot be written; nothing is left.
    """
    check_choice("to", to, FORMATS)
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder}: exists already and is not an empty folder")
    problems = Problems(left_out=left_out_kinds(corrupt_images, bad_annotations))
    pool = SourcePool.open([source], image_folder, problems)
    keys_of = _choose(pool, image_sets, problems)
    annotations = pool.read(dict.fromkeys(k for keys in keys_of.values() for k in keys), problems)
    names = pool.class_names(annotations) if class_names is None else class_names
    rules = Rules(tuple(names), unknown_classes=unknown_classes)
    data = apply_rules(list(annotations.values()), rules, problems)
    if not len(data):
        raise ValueError(f"none of the images can be used; {data.problems[-1]}")
    index_of = {sample.id: index for index, sample in enumerate(data)}
    sets = {
        name: [
            index_of[annotations[key].id]
            for key in keys
            if key in annotations and annotations[key].id in index_of
        ]
        for name, keys in keys_of.items()
    }
    _write_whole(folder, lambda unfinished: _write(unfinished, data, sets, to, link, progress))
    return ConvertedData(folder, data, {name: len(images) for name, images in sets.items()})


def _choose(pool, image_sets, problems) -> dict[str, list[Key]]:
    """Returns the images of each set, by a name that a file can have."""
    if image_sets is not None:
        chosen = [str(name) for name in as_many(image_sets)]
        names = [Path(s).stem if is_ids_file(s) else s.replace(":", "_to_") for s in chosen]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"image_sets: two of them are named {twice}")
        return {
            name: pool.choose(image_set, image_set, problems)
            for name, image_set in zip(names, chosen, strict=True)
        }
    there = pool.sources[0].image_sets
    wanted = [name for name in there if name in SPLIT_NAMES] or list(there) or ["all"]
    return {name: pool.choose(name, name, problems) for name in wanted}


def _write_whole(folder: Path, write: Callable[[Path], None]) -> None:
    """Lets `write` fill a new folder beside `folder`, and puts it in place once it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.parent / f".{folder.name[:40]}-{secrets.token_hex(8)}"
    unfinished.mkdir()
    try:
        write(unfinished)
        if folder.exists():
            folder.rmdir()  # it is empty, unless someone has filled it since
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _write(
    folder: Path,
    data: AnnotatedImages,
    sets: Mapping[str, Sequence[int]],
    to: str,
    link: bool,
    progress: Callable[[Sequence], Iterable],
) -> None:
    image_folder, write_annotations = _FORMATS[to]
    names = image_names(data)
    write_annotations(folder, data, names, sets)
    for sample, name in progress(list(zip(data, names, strict=True))):
        path = folder / image_folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _put_image(sample, path, link)


def _put_image(sample: Sample, path: Path, link: bool) -> None:
    if isinstance(sample.image, bytes):
        path.write_bytes(sample.image)
    elif link:
        try:
            os.link(os.path.realpath(sample.image), path)
        except OSError as error:
            raise OSError(
                f"{sample.image}: cannot be linked to ({error.strerror}); copy the images instead"
            ) from error
    else:
        shutil.copyfile(sample.image, path)
