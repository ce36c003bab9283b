"""From annotated images on disk to encoded batches."""

from keras_ssd.data.augmentation import PaperAugmentation
from keras_ssd.data.dataset import AnnotatedImages, merge
from keras_ssd.data.matching import encode_targets, match
from keras_ssd.data.pipeline import evaluation_dataset, training_dataset
from keras_ssd.data.sample import Sample
from keras_ssd.data.voc import VOC_CLASSES, load_voc

__all__ = [
    "VOC_CLASSES",
    "AnnotatedImages",
    "PaperAugmentation",
    "Sample",
    "encode_targets",
    "evaluation_dataset",
    "load_voc",
    "match",
    "merge",
    "training_dataset",
]
