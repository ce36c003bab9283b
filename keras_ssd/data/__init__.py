"""Turns annotated images on disk into batches to train on.

Examples:
    >>> import tempfile
    >>> import keras_ssd
    >>> from keras_ssd.data.synthetic import draw_voc
    >>> with tempfile.TemporaryDirectory() as folder:  # drawn images in VOC's format
    ...     data = keras_ssd.data.load(draw_voc(folder, num_train=3, num_val=1), "train")
    >>> len(data), data[0].boxes.shape[1]
    (3, 4)
"""

import importlib

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.augmentation import Augmentation, PaperAugmentation
from keras_ssd.data.checks import DataReport, Finding, check_data
from keras_ssd.data.loading import load, load_tfds
from keras_ssd.data.sample import Sample
from keras_ssd.data.writing import ConvertedData, convert_data

# Modules that import TensorFlow are imported when one of their names is asked for.
_LAZY = {
    "encode_targets": "matching",
    "CachedImages": "cached_images",
    "TFPaperAugmentation": "tf_augmentation",
    "evaluation_dataset": "pipeline",
    "match": "matching",
    "training_dataset": "pipeline",
    "validation_dataset": "pipeline",
}

__all__ = [
    "AnnotatedImages",
    "Augmentation",
    "ConvertedData",
    "DataReport",
    "Finding",
    "PaperAugmentation",
    "Sample",
    "check_data",
    "convert_data",
    "load",
    "load_tfds",
    *_LAZY,
]


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(importlib.import_module(f"keras_ssd.data.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'keras_ssd.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
