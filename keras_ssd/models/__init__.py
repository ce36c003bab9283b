"""Models: SSD on several backbones, and the detector around it."""

from keras_ssd.models.convert import convert_torch_checkpoint
from keras_ssd.models.convert_tensorflow import convert_tensorflow_checkpoint
from keras_ssd.models.detector import build_detector, class_names, image_size
from keras_ssd.models.precision import with_precision
from keras_ssd.models.presets import list_presets, load_detector
from keras_ssd.models.ssd import (
    SSD,
    SSD300,
    SSD512,
    SSDMobileNet300,
    SSDMobileNet320,
    SSDResNet300,
    SSDTiny128,
)
from keras_ssd.models.transfer import freeze_batch_norm, freeze_up_to, with_classes

__all__ = [
    "SSD",
    "SSD300",
    "SSD512",
    "SSDMobileNet300",
    "SSDMobileNet320",
    "SSDResNet300",
    "SSDTiny128",
    "build_detector",
    "class_names",
    "convert_tensorflow_checkpoint",
    "convert_torch_checkpoint",
    "freeze_batch_norm",
    "freeze_up_to",
    "image_size",
    "list_presets",
    "load_detector",
    "with_classes",
    "with_precision",
]
