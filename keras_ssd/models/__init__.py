"""Builds the networks: SSD on several backbones."""

from keras_ssd.models.architectures import (
    SSD300,
    SSD512,
    SSDMobileNet300,
    SSDMobileNet320,
    SSDMobileNetFPN320,
    SSDMobileNetV3Large320,
    SSDResNet300,
    SSDTiny128,
)
from keras_ssd.models.ssd import SSD

__all__ = [
    "SSD",
    "SSD300",
    "SSD512",
    "SSDMobileNet300",
    "SSDMobileNet320",
    "SSDMobileNetFPN320",
    "SSDMobileNetV3Large320",
    "SSDResNet300",
    "SSDTiny128",
]
