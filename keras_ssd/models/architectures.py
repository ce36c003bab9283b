"""The architectures: SSD on VGG16, ResNet50, MobileNetV2, MobileNetV3 and a tiny backbone."""

from pathlib import Path

from keras_ssd.config import (
    SSD300_COCO,
    SSD300_VOC,
    SSD512_COCO,
    SSD512_VOC,
    SSD_MOBILENET_300,
    SSD_MOBILENET_320,
    SSD_MOBILENET_FPN_320,
    SSD_MOBILENET_V3_LARGE_320,
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

    Examples:
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

    Examples:
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

    Examples:
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

    Examples:
        >>> import keras_ssd
        >>> keras_ssd.SSDMobileNet320(num_classes=20).config.num_default_boxes
        2034
    """
    backbone = backbones.mobilenet_v2(320, alpha, backbone_weights)
    return _ssdlite(backbone, SSD_MOBILENET_320, num_classes, weights, name)


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

    Examples:
        >>> import keras_ssd
        >>> keras_ssd.SSDMobileNet300(num_classes=20).config.num_default_boxes
        1917
    """
    backbone = backbones.mobilenet_v2(300, alpha, backbone_weights)
    return _ssdlite(backbone, SSD_MOBILENET_300, num_classes, weights, name)


def SSDMobileNetFPN320(
    num_classes: int = 20,
    *,
    alpha: float = 1.0,
    weights: str | Path | None = None,
    backbone_weights: str | Path | None = None,
    name: str = "ssd_mobilenet_fpn_320",
) -> SSD:
    """Builds an SSD on MobileNetV2 with a feature pyramid, for RGB images of 320 px: 12750 boxes.

    Its first map has stride 8, so it sees smaller objects than `SSDMobileNet320`. Its pyramid and
    its default boxes are those of TensorFlow's `ssd_mobilenet_v2_fpnlite_320x320`, without the map
    of the largest boxes. TensorFlow's heads are four layers that all maps share; here each map has
    its own separable head, as in `SSDMobileNet320`. It takes the same arguments as
    `SSDMobileNet320`.

    Examples:
        >>> import keras_ssd
        >>> ssd = keras_ssd.SSDMobileNetFPN320(num_classes=20)
        >>> [feature_map.grid for feature_map in ssd.config.feature_maps]
        [40, 20, 10, 5]
    """
    backbone = backbones.mobilenet_v2_fpn(320, alpha, backbone_weights)
    return _ssdlite(backbone, SSD_MOBILENET_FPN_320, num_classes, weights, name)


def SSDMobileNetV3Large320(
    num_classes: int = 20,
    *,
    alpha: float = 1.0,
    weights: str | Path | None = None,
    backbone_weights: str | Path | None = None,
    name: str = "ssd_mobilenet_v3_large_320",
) -> SSD:
    """Builds SSDLite on MobileNetV3-Large, for RGB images of 320 px: 2034 default boxes.

    The default boxes are those of `SSDMobileNet320`, and it takes the same arguments. `alpha` and
    `backbone_weights` are as in `backbones.mobilenet_v3_large`.

    Examples:
        >>> import keras_ssd
        >>> keras_ssd.SSDMobileNetV3Large320(num_classes=20).config.num_default_boxes
        2034
    """
    backbone = backbones.mobilenet_v3_large(320, alpha, backbone_weights)
    return _ssdlite(backbone, SSD_MOBILENET_V3_LARGE_320, num_classes, weights, name)


def SSDTiny128(
    num_classes: int = 20, *, weights: str | Path | None = None, name: str = "ssd_tiny_128"
) -> SSD:
    """Builds a toy SSD for RGB images of 128 px, which trains in minutes, for demos and tests.

    Args:
        num_classes: K, the number of foreground classes.
        weights: the path of the whole model's weights, or None for random weights.
        name: the model's name.

    Examples:
        >>> import keras_ssd
        >>> keras_ssd.SSDTiny128(num_classes=3).config.num_default_boxes
        1360
    """
    backbone = backbones.tiny(128)
    return SSD.from_backbone(backbone, SSD_TINY_128, num_classes, weights=weights, name=name)


def _ssdlite(backbone, config, num_classes, weights, name):
    return SSD.from_backbone(
        backbone, config, num_classes, separable_heads=True, weights=weights, name=name
    )


def _choose(boxes, voc, coco):
    if boxes not in ("voc", "coco"):
        raise ValueError(f'boxes: expected "voc" or "coco", not {boxes!r}')
    return voc if boxes == "voc" else coco
