"""Data sets of TensorFlow Datasets for object detection, such as `voc/2007` and `coco/2017`."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from keras_ssd.data.dataset import (
    AnnotatedImages,
    ImageAnnotation,
    ObjectAnnotation,
    collecting,
    from_annotations,
)
from keras_ssd.extras import require
from keras_ssd.images import decode_image

_IDS = ("image/filename", "image/id", "tfds_id")  # the first one there is; the last always is
_DIFFICULT = ("is_difficult", "is_crowd")  # VOC's name, COCO's name


def load_tfds(
    dataset,
    split: str,
    *,
    data_dir: str | Path | None = None,
    download: bool = False,
    class_names: Iterable[str] | None = None,
    difficult: str = "keep",
    unknown_classes: str = "error",
    errors: list[ValueError] | None = None,
) -> AnnotatedImages:
    """Loads a split with its encoded images, which are held in memory.

    The features must be those of `voc` and `coco`: `image`, and `objects`, a sequence of `bbox`
    (BBoxFeature, relative ymin, xmin, ymax, xmax), `label` (ClassLabel) and, where there are
    such, `is_difficult` or `is_crowd`. Samples are called by `image/filename`, else by
    `image/id`, else by the id that TensorFlow Datasets gives.

    Args:
        dataset: a name such as "voc/2007", or a `tfds.core.DatasetBuilder`.
        split: such as "train", "train+validation" or "train[:160]".
        data_dir: holds the prepared data sets; None takes TensorFlow Datasets' own folder, which
            the environment variable TFDS_DATA_DIR changes. Only for a name.
        download: download and prepare the data set where it is not.
        class_names: in the order of the labels; None takes those of the ClassLabel.
        difficult, unknown_classes, errors: as in `load_voc`.

    Raises:
        ValueError: the data set or the split is unknown, not prepared, or of other features.
        CorruptImageError: an image cannot be decoded, which is done to get its size.
        ImportError: tensorflow-datasets is not installed.
    """
    tfds = require("tensorflow_datasets", extra="train")
    builder = _find_builder(dataset, data_dir) if isinstance(dataset, str) else dataset
    name = builder.info.full_name
    if download:
        builder.download_and_prepare()
    elif not builder.is_prepared():
        raise ValueError(
            f"{name}: not prepared in {builder.data_path}. `tfds build "
            f"{name.rpartition('/')[0]}` downloads and prepares it, as download=True does"
        )
    _check_features(builder.info.features, name)
    try:
        examples = builder.as_dataset(
            split=split,
            decoders={"image": tfds.decode.SkipDecoding()},
            read_config=tfds.ReadConfig(add_tfds_id=True),
        )
    except ValueError as error:
        raise ValueError(
            f"{name}: {_first_line(error)} There are: {', '.join(builder.info.splits)}"
        ) from error

    names_found = builder.info.features["objects"]["label"].names
    annotations = []
    for example in tfds.as_numpy(examples):
        with collecting(errors):
            annotations.append(_to_annotation(example, names_found, name))
    return from_annotations(
        annotations,
        names_found if class_names is None else class_names,
        difficult=difficult,
        unknown_classes=unknown_classes,
        errors=errors,
    )


def find_splits(dataset: str) -> list[str]:
    """Names of the splits of a data set such as "voc/2007"; a ValueError names an unknown one."""
    return list(_find_builder(dataset, data_dir=None).info.splits)


def _find_builder(name, data_dir):
    import tensorflow_datasets as tfds

    try:
        return tfds.builder(name, data_dir=data_dir)
    except (ValueError, AssertionError) as error:
        raise ValueError(f"{name}: {_first_line(error)}") from error


def _check_features(features, name):
    from tensorflow_datasets import features as kinds

    try:
        objects = features["objects"]
        as_expected = (
            isinstance(features["image"], kinds.Image)
            and isinstance(objects, kinds.Sequence)
            and isinstance(objects["bbox"], kinds.BBoxFeature)
            and isinstance(objects["label"], kinds.ClassLabel)
        )
    except (KeyError, TypeError):
        as_expected = False
    if not as_expected:
        raise ValueError(
            f"{name}: expected the features image (Image) and objects, a Sequence of bbox "
            f"(BBoxFeature) and label (ClassLabel), not {features}"
        )
    box_format = objects["bbox"].bbox_format
    if getattr(box_format, "value", None) != "REL_YXYX":
        raise ValueError(f"{name}: expected boxes in the format REL_YXYX, not {box_format}")


def _to_annotation(example, class_names, name) -> ImageAnnotation:
    image, objects = example["image"], example["objects"]
    image_id = next(example[key] for key in _IDS if key in example)
    image_id = image_id.decode(errors="replace") if isinstance(image_id, bytes) else str(image_id)
    where = f"{name}: image {image_id}"
    if (objects["label"] < 0).any():
        raise ValueError(f"{where}: an object without a label")
    height, width = decode_image(image, name=where).shape[:2]
    corners = objects["bbox"].astype(np.float64)[:, [1, 0, 3, 2]] * (width, height, width, height)
    difficult = np.zeros(len(corners), bool)
    for key in _DIFFICULT:
        difficult |= objects.get(key, False)
    annotated = [
        ObjectAnnotation(class_names[label], tuple(box), bool(hard))
        for label, box, hard in zip(objects["label"], corners, difficult, strict=True)
    ]
    return ImageAnnotation(image_id, image, (height, width), annotated, where)


def _first_line(error) -> str:
    return str(error).splitlines()[0]
