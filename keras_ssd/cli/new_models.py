"""The untrained models that --model takes by name."""

from typing import Any, NamedTuple

from keras_ssd import config


class NewModel(NamedTuple):
    """The name of the function in `keras_ssd.models` that builds a model, and its default boxes."""

    builder: str
    config: config.SSDConfig

    def build(self, num_classes: int, **options: Any):
        """The model; Keras is loaded only now, so that a command's help is quick."""
        from keras_ssd import models

        return getattr(models, self.builder)(num_classes, **options)


NEW_MODELS = {
    "ssd300": NewModel("SSD300", config.SSD300_VOC),
    "ssd512": NewModel("SSD512", config.SSD512_VOC),
    "ssd_mobilenet_300": NewModel("SSDMobileNet300", config.SSD_MOBILENET_300),
    "ssd_mobilenet_320": NewModel("SSDMobileNet320", config.SSD_MOBILENET_320),
    "ssd_resnet_300": NewModel("SSDResNet300", config.SSD300_VOC),
    "ssd_tiny_128": NewModel("SSDTiny128", config.SSD_TINY_128),
}
