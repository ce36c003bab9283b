"""The architectures: SSD on VGG16, ResNet50, MobileNetV2 and a tiny backbone."""

from pathlib import Path

from keras_ssd.config import (
    SSD300_COCO,
    SSD300_VOC,
    SSD512_COCO,
    SSD512_VOC,
    SSD_MOBILENET_300,
    SSD_MOBILENET_320,
    SSD_TINY_128,
)
from keras_ssd.models import backbones
from keras_ssd.models.ssd import SSD


def SSD300(
    num_classes: int = 20,
    *,
    boxes: str = "voc",
    weights: str | Path | None = None,
    backbone_weights: str | Path | None = None,
    name: str = "ssd300",
) -> SSD:
    """Builds SSD300 on VGG16, for RGB images of 300 px: 8732 default boxes (paper, figure 2).

    Args:
        num_classes: K, the number of foreground classes.
        boxes: "voc" or "coco", the data set that the sizes of the default boxes were chosen for.
        weights: the path of the whole model's weights, or None for random weights.
        backbone_weights: the weights of the backbone: None (random), "imagenet" or a path, as in
            `backbones.vgg16`.
        name: the model's name.

    Raises:
        ValueError: an argument is wrong, or the weights do not fit.

    Example:
        >>> import keras_ssd
        >>> ssd = keras_ssd.SSD300(num_classes=20)
        >>> ssd.config.image_size, ssd.config.num_default_boxes, ssd.count_params()
        (300, 8732, 26285486)
    """
    config = _choose(boxes, SSD300_VOC, SSD300_COCO)
    backbone = backbones.vgg16(300, backbone_weights)
    return SSD.from_backbone(backbone, config, num_classes, weights=weights, name=name)


def SSD512(
    num_classes: int = 20,
    *,
    boxes: str = "voc",
    weights: str | Path | None = None,
    backbone_weights: str | Path | None = None,
    name: str = "ssd512",
) -> SSD:
    """Builds SSD512 on VGG16, for RGB images of 512 px: 24564 default boxes.

    It takes the same arguments as `SSD300`.

    Example:
        >>> import keras_ssd
        >>> keras_ssd.SSD512(num_classes=20).config.num_default_boxes
        24564
    """
    config = _choose(boxes, SSD512_VOC, SSD512_COCO)
    backbone = backbones.vgg16(512, backbone_weights)
    return SSD.from_backbone(backbone, config, num_classes, weights=weights, name=name)


def SSDResNet300(
    num_classes: int = 20,
    *,
    boxes: str = "voc",
    weights: str | Path | None = None,
    backbone_weights: str | Path | None = None,
    name: str = "ssd_resnet_300",
) -> SSD:
    """Builds an SSD on ResNet50, for RGB images of 300 px, with the default boxes of SSD300.

    It takes the same arguments as `SSD300`; `backbone_weights` is as in `backbones.resnet50`.

    Example:
        >>> import keras_ssd
        >>> keras_ssd.SSDResNet300(num_classes=20).config.num_default_boxes
        8732
    """
    config = _choose(boxes, SSD300_VOC, SSD300_COCO)
    backbone = backbones.resnet50(300, backbone_weights)
    return SSD.from_backbone(backbone, config, num_classes, weights=weights, name=name)


def SSDMobileNet320(
    num_classes: int = 20,
    *,
    alpha: float = 1.0,
    weights: str | Path | None = None,
    backbone_weights: str | Path | None = None,
    name: str = "ssd_mobilenet_320",
) -> SSD:
    """Builds the small, fast SSDLite on MobileNetV2, for RGB images of 320 px: 2034 default boxes.

    It takes the same arguments as `SSD300`, except `boxes`. `alpha` and `backbone_weights` are as
    in `backbones.mobilenet_v2`.

    Example:
        >>> import keras_ssd
        >>> keras_ssd.SSDMobileNet320(num_classes=20).config.num_default_boxes
        2034
    """
    return _ssd_mobilenet(SSD_MOBILENET_320, num_classes, alpha, weights, backbone_weights, name)


def SSDMobileNet300(
    num_classes: int = 20,
    *,
    alpha: float = 1.0,
    weights: str | Path | None = None,
    backbone_weights: str | Path | None = None,
    name: str = "ssd_mobilenet_300",
) -> SSD:
    """Builds SSDLite on MobileNetV2, for RGB images of 300 px: 1917 default boxes.

    It equals TensorFlow's `ssdlite_mobilenet_v2` layer by layer, and takes the same arguments as
    `SSDMobileNet320`.

    Example:
        >>> import keras_ssd
        >>> keras_ssd.SSDMobileNet300(num_classes=20).config.num_default_boxes
        1917
    """
    return _ssd_mobilenet(SSD_MOBILENET_300, num_classes, alpha, weights, backbone_weights, name)


def SSDTiny128(
    num_classes: int = 20, *, weights: str | Path | None = None, name: str = "ssd_tiny_128"
) -> SSD:
    """Builds a toy SSD for RGB images of 128 px, which trains in minutes, for demos and tests.

    Args:
        num_classes: K, the number of foreground classes.
        weights: the path of the whole model's weights, or None for random weights.
        name: the model's name.

    Example:
        >>> import keras_ssd
        >>> keras_ssd.SSDTiny128(num_classes=3).config.num_default_boxes
        1360
    """
    backbone = backbones.tiny(128)
    return SSD.from_backbone(backbone, SSD_TINY_128, num_classes, weights=weights, name=name)


def _ssd_mobilenet(config, num_classes, alpha, weights, backbone_weights, name):
    backbone = backbones.mobilenet_v2(config.image_size, alpha, backbone_weights)
    return SSD.from_backbone(
        backbone, config, num_classes, separable_heads=True, weights=weights, name=name
    )


def _choose(boxes, voc, coco):
    if boxes not in ("voc", "coco"):
        raise ValueError(f'boxes: expected "voc" or "coco", not {boxes!r}')
    return voc if boxes == "voc" else coco
