"""The untrained models that --model takes by name."""

from typing import TYPE_CHECKING, Any, NamedTuple

from keras_ssd import config

if TYPE_CHECKING:
    from keras_ssd.models import SSD


class NewModel(NamedTuple):
    """Describes an untrained model.

    Attributes:
        builder: the name of the function in `keras_ssd.models`.
        config: the SSDConfig of the model that it builds.
        backbone_end: the last layer of the backbone that has trained weights, or None if the
            backbone has none.
    """

    builder: str
    config: config.SSDConfig
    backbone_end: str | None

    def build(self, num_classes: int, **options: Any) -> "SSD":
        """Builds the model. Keras is imported only here, so that a command's help is quick."""
        from keras_ssd import models

        return getattr(models, self.builder)(num_classes, **options)


NEW_MODELS = {
    "ssd300": NewModel("SSD300", config.SSD300_VOC, "fc7"),
    "ssd512": NewModel("SSD512", config.SSD512_VOC, "fc7"),
    "ssd_mobilenet_300": NewModel("SSDMobileNet300", config.SSD_MOBILENET_300, "out_relu"),
    "ssd_mobilenet_320": NewModel("SSDMobileNet320", config.SSD_MOBILENET_320, "out_relu"),
    "ssd_mobilenet_fpn_320": NewModel(
        "SSDMobileNetFPN320", config.SSD_MOBILENET_FPN_320, "out_relu"
    ),
    "ssd_mobilenet_v3_large_320": NewModel(
        "SSDMobileNetV3Large320", config.SSD_MOBILENET_V3_LARGE_320, "out_hard_swish"
    ),
    "ssd_resnet_300": NewModel("SSDResNet300", config.SSD300_VOC, "conv5_block3_out"),
    "ssd_tiny_128": NewModel("SSDTiny128", config.SSD_TINY_128, None),
}
