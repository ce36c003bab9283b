"""Models: SSD on several backbones, and the detector around it."""

from keras_ssd.models.convert import convert_torch_checkpoint
from keras_ssd.models.detector import build_detector, class_names, image_size, load_detector
from keras_ssd.models.ssd import SSD, SSD300, SSD512, SSDMobileNet320, SSDResNet300, SSDTiny128
from keras_ssd.models.transfer import with_classes

__all__ = [
    "SSD",
    "SSD300",
    "SSD512",
    "SSDMobileNet320",
    "SSDResNet300",
    "SSDTiny128",
    "build_detector",
    "class_names",
    "convert_torch_checkpoint",
    "image_size",
    "load_detector",
    "with_classes",
]
