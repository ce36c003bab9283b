"""From annotated images on disk to encoded batches."""

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.augmentation import Augmentation, PaperAugmentation
from keras_ssd.data.check import check_data
from keras_ssd.data.check_report import DataReport, Finding
from keras_ssd.data.coco import load_coco
from keras_ssd.data.csv import load_csv
from keras_ssd.data.dataset import merge
from keras_ssd.data.matching import encode_targets, match
from keras_ssd.data.pipeline import evaluation_dataset, training_dataset, validation_dataset
from keras_ssd.data.sample import Sample
from keras_ssd.data.sources import load
from keras_ssd.data.tfds import load_tfds
from keras_ssd.data.voc import load_voc

__all__ = [
    "AnnotatedImages",
    "Augmentation",
    "DataReport",
    "Finding",
    "PaperAugmentation",
    "Sample",
    "check_data",
    "encode_targets",
    "evaluation_dataset",
    "load",
    "load_coco",
    "load_csv",
    "load_tfds",
    "load_voc",
    "match",
    "merge",
    "training_dataset",
    "validation_dataset",
]
