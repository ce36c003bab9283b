"""Annotated images from one or more sources, whatever their format."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.problems import AnnotationError, NoAreaError, Problems
from keras_ssd.data.rules import Rules, apply_rules, check_choice
from keras_ssd.data.source_pool import SourcePool
from keras_ssd.data.sources.read_tfds import TfdsSource
from keras_ssd.images import CorruptImageError


def load(
    sources: str | Path | Iterable[str | Path],
    image_set: str | Path | None = None,
    *,
    default_set: str = "trainval",
    exclude: str | Path | None = None,
    image_folder: str | Path | None = None,
    class_names: Iterable[str] | None = None,
    difficult: str = "keep",
    unknown_classes: str = "error",
    corrupt_images: str = "error",
    bad_annotations: str = "error",
) -> AnnotatedImages:
    """Loads annotated images; images themselves are read later, where their size is given.

    A source may be:

    - a folder of PASCAL VOC's kind: JPEGImages (or images), Annotations and perhaps
      ImageSets/Main; XML files beside their images, as LabelImg has them; a VOCdevkit of years; or
      the folders train, valid and test, as Roboflow exports them;
    - a folder of YOLO's kind, or its .yaml file, as Ultralytics and Roboflow have it;
    - a .json file of COCO's kind, or a folder with annotations/instances_*.json or with Roboflow's
      train, valid and test;
    - a .csv file with the columns image, x1, y1, x2, y2, label, or a folder of such files;
    - "tfds:" and the name of a prepared data set of TensorFlow Datasets.

    Args:
        sources: one source or several, which are loaded one after the other. If two sources have
            an image of the same name, the names of their folders tell the two apart.
        image_set: the images to load. A name: a file of ImageSets/Main, a key of data.yaml, a
            folder such as "train", or a split of TensorFlow Datasets. "val", "valid" and
            "validation" mean the same. "all", or a slice of all, such as "0:160". Or a .txt file
            with the ids of images, one a line, from any of the sources. None takes `default_set`.
        default_set: the set of each source that has sets with names, if `image_set` is None. In
            place of "trainval" a source may also have "train" or only one set. A source without
            sets is loaded whole.
        exclude: a .txt file with the ids of images to leave out.
        image_folder: what image names in a .json or .csv file are relative to; None takes the
            file's folder.
        class_names: names in the order of the labels. None takes those that the source lists, or
            all that its objects have, sorted; of several sources, all sorted.
        difficult: "keep" or "drop" objects that VOC marks as difficult, and COCO's crowds.
        unknown_classes: "error", or "skip" leaves objects of other classes out.
        corrupt_images: "error", or "skip" leaves images out that are missing, or that have no size
            in their annotation and cannot be read. Images that are read later are not checked.
        bad_annotations: "error", or "skip" leaves out images and objects with an annotation that
            cannot be used.

    Returns:
        The images. `problems` says what was repaired or left out.

    Raises:
        CorruptImageError: an image is missing or unreadable.
        ValueError: a source, set, file or annotation is missing or not as expected; or nothing is
            left to load. The message names it.

    Example:
        >>> data = load("VOCdevkit", "train")  # doctest: +SKIP
        >>> data.class_names  # doctest: +SKIP
        ('aeroplane', 'bicycle', ...)
    """
    problems = Problems(left_out=left_out_kinds(corrupt_images, bad_annotations))
    pool = SourcePool.open(sources, image_folder, problems)
    keys = pool.choose(None if image_set is None else str(image_set), default_set, problems)
    if exclude is not None:
        keys = pool.without(keys, exclude, problems)
    return _read(pool, keys, problems, class_names, difficult, unknown_classes)


def load_tfds(
    dataset: Any,
    split: str,
    *,
    data_dir: str | Path | None = None,
    download: bool = False,
    class_names: Iterable[str] | None = None,
    difficult: str = "keep",
    unknown_classes: str = "error",
) -> AnnotatedImages:
    """Loads a split of a data set of TensorFlow Datasets, with its images in memory.

    `load("tfds:voc/2007", "train")` does the same for a data set that is prepared.

    Args:
        dataset: a name such as "voc/2007", or a `tfds.core.DatasetBuilder`.
        split: such as "train", "train+validation" or "train[:160]".
        data_dir: folder of the prepared data sets. None takes TensorFlow Datasets' own folder,
            which the environment variable TFDS_DATA_DIR changes. Only for a name.
        download: download and prepare the data set if it is not prepared.
        class_names, difficult, unknown_classes: as in `load`.

    Raises:
        ValueError: the data set or the split is unknown, not prepared, or has other features.
        CorruptImageError: an image cannot be decoded, which is done to get its size.
        ImportError: tensorflow-datasets is not installed.
    """
    source = TfdsSource(dataset, data_dir=data_dir, download=download)
    pool = SourcePool([source], [source.name])
    problems = Problems(left_out=(NoAreaError,))
    keys = pool.choose(split, split, problems)
    return _read(pool, keys, problems, class_names, difficult, unknown_classes)


def left_out_kinds(corrupt_images: str, bad_annotations: str) -> tuple[type[ValueError], ...]:
    """The errors that are noted and not raised, see `load`.

    Raises:
        ValueError: an argument is neither "error" nor "skip".
    """
    kinds: list[type[ValueError]] = [NoAreaError]
    for argument, value, kind in (
        ("corrupt_images", corrupt_images, CorruptImageError),
        ("bad_annotations", bad_annotations, AnnotationError),
    ):
        check_choice(argument, value, ("error", "skip"))
        if value == "skip":
            kinds.append(kind)
    return tuple(kinds)


def _read(pool, keys, problems, class_names, difficult, unknown_classes) -> AnnotatedImages:
    images = pool.read(keys, problems)
    names = pool.class_names(images) if class_names is None else class_names
    data = apply_rules(list(images.values()), Rules(names, difficult, unknown_classes), problems)
    if not len(data):
        raise ValueError(
            f"{', '.join(source.name for source in pool.sources)}: none of {len(keys)} images can "
            f"be used; {data.problems[-1]}"
        )
    return data
