"""The networks: SSD on several backbones."""

from keras_ssd.models.ssd import (
    SSD,
    SSD300,
    SSD512,
    SSDMobileNet300,
    SSDMobileNet320,
    SSDResNet300,
    SSDTiny128,
)

__all__ = [
    "SSD",
    "SSD300",
    "SSD512",
    "SSDMobileNet300",
    "SSDMobileNet320",
    "SSDResNet300",
    "SSDTiny128",
]
