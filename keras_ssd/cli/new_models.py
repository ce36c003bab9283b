"""The untrained models that --model takes by name."""

from collections.abc import Callable
from typing import NamedTuple

from keras_ssd import config, models


class NewModel(NamedTuple):
    """The function that builds a model, given the number of its classes, and its default boxes."""

    build: Callable
    config: config.SSDConfig


NEW_MODELS = {
    "ssd300": NewModel(models.SSD300, config.SSD300_VOC),
    "ssd512": NewModel(models.SSD512, config.SSD512_VOC),
    "ssd_mobilenet_300": NewModel(models.SSDMobileNet300, config.SSD_MOBILENET_300),
    "ssd_mobilenet_320": NewModel(models.SSDMobileNet320, config.SSD_MOBILENET_320),
    "ssd_resnet_300": NewModel(models.SSDResNet300, config.SSD300_VOC),
    "ssd_tiny_128": NewModel(models.SSDTiny128, config.SSD_TINY_128),
}
