"""Models: SSD on several backbones, and the detector around it."""

from keras_ssd.models.detector import build_detector, class_names, image_size, load_detector
from keras_ssd.models.ssd import SSD, SSD300, SSD512, SSDMobileNet320, SSDResNet300, SSDTiny128

__all__ = [
    "SSD",
    "SSD300",
    "SSD512",
    "SSDMobileNet320",
    "SSDResNet300",
    "SSDTiny128",
    "build_detector",
    "class_names",
    "image_size",
    "load_detector",
]
