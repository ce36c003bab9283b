"""Reads data sets of TensorFlow Datasets for object detection, such as `voc/2007`."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_ssd.data.annotations import ImageAnnotation, ObjectAnnotation, class_name, composed
from keras_ssd.data.problems import AnnotationError, Problems
from keras_ssd.data.sources.source import Source
from keras_ssd.extras import require
from keras_ssd.images import decode_image

# An example's id is the first of these features that it has; every example has the last one.
_IDS = ("image/filename", "image/id", "tfds_id")
_DIFFICULT = ("is_difficult", "is_crowd")  # VOC's name, COCO's name


class TfdsSource(Source):
    """A prepared data set of TensorFlow Datasets, with its encoded images in memory.

    The features must be those of `voc` and `coco`: `image`, and `objects`, a sequence of `bbox`
    (BBoxFeature, relative ymin, xmin, ymax, xmax), `label` (ClassLabel) and perhaps `is_difficult`
    or `is_crowd`. An image's id is the first that exists of `image/filename`, `image/id`, and the
    id that TensorFlow Datasets gives. An image set is a split, such as "train" or
    "train+validation[:100]".

    Args:
        dataset: a name such as "voc/2007", or a `tfds.core.DatasetBuilder`.
        data_dir: the folder of the prepared data sets. None takes the default of TensorFlow
            Datasets, which the environment variable TFDS_DATA_DIR sets. A builder has its own.
        download: whether to download and prepare the data set if it is not prepared.

    Raises:
        ValueError: the data set is unknown, not prepared, or has other features.
        ImportError: tensorflow-datasets is not installed.
    """

    def __init__(self, dataset: Any, *, data_dir: str | Path | None = None, download: bool = False):
        require("tensorflow_datasets", extra="train")
        self._builder = _find_builder(dataset, data_dir) if isinstance(dataset, str) else dataset
        info = self._builder.info
        self.name = info.full_name
        if download:
            self._builder.download_and_prepare()
        elif not self._builder.is_prepared():
            raise ValueError(
                f"{self.name}: not prepared in {self._builder.data_path}. `tfds build "
                f"{self.name.rpartition('/')[0]}` downloads and prepares it, as download=True does"
            )
        _check_features(info.features, self.name)
        self.class_names = tuple(map(class_name, info.features["objects"]["label"].names))
        self.image_sets = list(info.splits)
        self._examples: dict[str, dict] = {}

    def select(self, image_set: str, problems: Problems) -> list[str]:
        # TensorFlow Datasets knows more splits than it lists, such as "train[:100]".
        return self.list_ids(self.find_set(image_set) or image_set, problems)

    def list_ids(self, image_set: str | None, problems: Problems) -> list[str]:
        tfds = require("tensorflow_datasets", extra="train")
        split = "all" if image_set is None else image_set
        try:
            examples = self._builder.as_dataset(
                split=split,
                decoders={"image": tfds.decode.SkipDecoding()},
                read_config=tfds.ReadConfig(add_tfds_id=True),
            )
        except ValueError as error:
            raise ValueError(
                f"{self.name}: {_first_line(error)} There are: {', '.join(self.image_sets)}"
            ) from error
        ids: dict[str, None] = {}
        for example in tfds.as_numpy(examples):
            image_id = next(example[key] for key in _IDS if key in example)
            if isinstance(image_id, bytes):
                image_id = image_id.decode(errors="replace")
            image_id = composed(str(image_id))
            known = self._examples.setdefault(image_id, example)
            if image_id in ids or known["tfds_id"] != example["tfds_id"]:
                raise ValueError(f"{self.name}: two images have the same name, {image_id!r}")
            ids[image_id] = None
        return list(ids)

    def read(self, image_id: str, problems: Problems) -> ImageAnnotation:
        return _to_annotation(self._examples[image_id], image_id, self.class_names, self.name)


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


def _to_annotation(example, image_id, class_names, name) -> ImageAnnotation:
    image, objects = example["image"], example["objects"]
    where = f"{name}: image {image_id}"
    if (objects["label"] < 0).any():
        raise AnnotationError(f"{where}: an object without a label")
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
