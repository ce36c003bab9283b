"""Loads annotated images from one or more sources in any of the known formats."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.problems import AnnotationError, NoAreaError, Problems
from keras_ssd.data.rules import Rules, apply_rules, check_choice
from keras_ssd.data.source_pool import SourcePool
from keras_ssd.data.sources.read_tfds import TfdsSource
from keras_ssd.images import CorruptImageError
from keras_ssd.terminal import counted


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
    """Loads annotations; an image is read now only if its size is not in its annotation.

    A source may be:

    - a folder in PASCAL VOC's format: JPEGImages (or images), Annotations and perhaps
      ImageSets/Main; XML files beside their images, as LabelImg writes them; a VOCdevkit with
      several years; or the folders train, valid and test, as Roboflow exports them;
    - a folder in YOLO's format, or its .yaml file, as Ultralytics and Roboflow write it;
    - a .json file in COCO's format, or a folder with annotations/instances_*.json or with
      Roboflow's train, valid and test;
    - a folder of labelme's .json files, one for each image;
    - a .csv file with the columns image, x1, y1, x2, y2, label, or a folder of such files;
    - "tfds:" and the name of a prepared data set of TensorFlow Datasets.

    Args:
        sources: one source or several, which are loaded one after the other. If two sources have
            an image of the same name, the names of their folders tell the two apart.
        image_set: the images to load. It may be the name of a set: a file of ImageSets/Main, a key
            of data.yaml, a folder such as "train", or a split of TensorFlow Datasets; "val",
            "valid" and "validation" mean the same. It may be "all", or a slice of all images, such
            as "0:160". Or it may be a .txt file with the ids of images, one in each line, from any
            of the sources. None takes `default_set`.
        default_set: the set to load from each source with named sets, if `image_set` is None.
            "trainval" also takes the set "train", or the only set of a source. A source without
            named sets is loaded whole.
        exclude: a .txt file with the ids of images to leave out.
        image_folder: the folder that image names in a .json or .csv file are relative to; None
            takes the file's folder.
        class_names: the names in the order of the labels. None takes the list in the source, or
            else the classes of its objects, sorted; with several sources, all their classes,
            sorted.
        difficult: "keep" or "drop" objects that VOC marks as difficult, and COCO's crowds.
        unknown_classes: "error" to raise an error at an object of another class, or "skip" to
            leave it out.
        corrupt_images: "error" to raise an error, or "skip" to leave the image out, if an image is
            missing, or cannot be read and its annotation does not give its size. Images that are
            read later are not checked.
        bad_annotations: "error" to raise an error, or "skip" to leave out images and objects with
            an annotation that cannot be used.

    Returns:
        The images. Their `problems` list everything that was repaired or left out.

    Raises:
        CorruptImageError: an image is missing or unreadable.
        ValueError: a source, set, file or annotation is missing or not as expected, and the message
            names it; or nothing is left to load.

    Examples:
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
        split: a split such as "train", "train+validation" or "train[:160]".
        data_dir: the folder of the prepared data sets. None takes the default of TensorFlow
            Datasets, which the environment variable TFDS_DATA_DIR sets. Only for a name.
        download: whether to download and prepare the data set if it is not prepared.
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
    """Returns the kinds of errors that `load` notes instead of raising them.

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
            f"{', '.join(source.name for source in pool.sources)}: none of "
            f"{counted(len(keys), 'image')} can be used; {data.problems[-1]}"
        )
    return data
