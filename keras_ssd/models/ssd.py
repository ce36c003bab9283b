"""SSD: a backbone's feature maps to offsets and classes of every default box."""

import keras
from keras import layers

from keras_ssd.config import (
    SSD300_VOC,
    SSD512_VOC,
    SSD_MOBILENET_300,
    SSD_MOBILENET_320,
    SSD_TINY_128,
)
from keras_ssd.models import backbones
from keras_ssd.models.layers import FlattenPredictions


def SSD(config, num_classes, *, backbone, separable_heads=False, weights=None, name="ssd"):
    """A single-shot detector on any backbone (paper, section 2).

    Args:
        config: an SSDConfig; kept in the model, where `ssd_config` finds it.
        num_classes: K, foreground classes.
        backbone: keras.Model from RGB pixels in 0..255, (B, S, S, 3), to the feature maps of
            `config`, finest first. Its layers become layers of the SSD.
        separable_heads: heads of a depthwise and a pointwise convolution (SSDLite) in place of
            one full 3x3 convolution.
        weights: path of a `.weights.h5` or `.keras` file of such a model, or None.
        name: of the model.

    Returns:
        keras.Model from float32 (B, S, S, 3) to a dictionary:
            "offsets": float32 (B, N, 4), coded (cx, cy, w, h) of each default box.
            "classes": float32 (B, N, K + 1), logits, background first.

    Raises:
        ValueError: the backbone's maps are not those of `config`, or the weights do not fit.
    """
    _check(config, num_classes, backbone)
    head = _separable_head if separable_heads else _head
    offset_maps, class_maps = [], []
    maps = zip(backbone.outputs, config.feature_maps, strict=True)
    for number, (x, feature_map) in enumerate(maps, start=1):
        boxes = len(feature_map.box_sizes)
        offset_maps.append(head(x, 4 * boxes, name=f"head{number}_offsets"))
        class_maps.append(head(x, (num_classes + 1) * boxes, name=f"head{number}_classes"))
    outputs = {
        "offsets": FlattenPredictions(config, name="offsets")(offset_maps),
        "classes": FlattenPredictions(config, name="classes")(class_maps),
    }
    model = keras.Model(backbone.inputs[0], outputs, name=name)
    if weights is not None:
        _load_weights(model, weights)
    return model


def _check(config, num_classes, backbone):
    if num_classes < 1:
        raise ValueError(f"num_classes: expected 1 or more foreground classes, not {num_classes}")
    grids = [tuple(output.shape[1:3]) for output in backbone.outputs]
    expected = [(feature_map.grid, feature_map.grid) for feature_map in config.feature_maps]
    if grids != expected:
        raise ValueError(
            f"backbone {backbone.name!r} yields maps of {grids} cells, "
            f"but the configuration {config.name!r} expects {expected}"
        )


def _load_weights(model, path):
    try:
        model.load_weights(path)
    except Exception as error:  # each kind of file fails in its own way
        raise ValueError(f"weights: {path} does not fit model {model.name!r} ({error})") from error


def _head(x, channels, name):
    return layers.Conv2D(
        channels, 3, padding="same", kernel_initializer=backbones.xavier(), name=name
    )(x)


def _separable_head(x, channels, name):
    depthwise = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_depthwise")
    return layers.Conv2D(channels, 1, name=name)(backbones.normalized_relu6(depthwise, x))


def SSD300(num_classes=20, *, weights=None, backbone_weights=None, name="ssd300"):
    """SSD300 on VGG16, for RGB images of 300 px: 8732 default boxes (paper, figure 2).

    Args:
        num_classes: K, foreground classes.
        weights: path of the whole model's weights, or None.
        backbone_weights: None (random), "imagenet" or a path; see `backbones.vgg16`.
        name: of the model.

    Returns:
        See `SSD`.
    """
    backbone = backbones.vgg16(300, backbone_weights)
    return SSD(SSD300_VOC, num_classes, backbone=backbone, weights=weights, name=name)


def SSD512(num_classes=20, *, weights=None, backbone_weights=None, name="ssd512"):
    """SSD512 on VGG16, for RGB images of 512 px: 24564 default boxes. Arguments as SSD300's."""
    backbone = backbones.vgg16(512, backbone_weights)
    return SSD(SSD512_VOC, num_classes, backbone=backbone, weights=weights, name=name)


def SSDResNet300(num_classes=20, *, weights=None, backbone_weights=None, name="ssd_resnet_300"):
    """SSD on ResNet50, for RGB images of 300 px, with SSD300's default boxes.

    Arguments as SSD300's; `backbone_weights` as in `backbones.resnet50`.
    """
    backbone = backbones.resnet50(300, backbone_weights)
    return SSD(SSD300_VOC, num_classes, backbone=backbone, weights=weights, name=name)


def SSDMobileNet320(
    num_classes=20, *, alpha=1.0, weights=None, backbone_weights=None, name="ssd_mobilenet_320"
):
    """SSDLite on MobileNetV2, for RGB images of 320 px: 2034 default boxes; small and fast.

    Arguments as SSD300's; `alpha` and `backbone_weights` as in `backbones.mobilenet_v2`.
    """
    return _ssd_mobilenet(SSD_MOBILENET_320, num_classes, alpha, weights, backbone_weights, name)


def SSDMobileNet300(
    num_classes=20, *, alpha=1.0, weights=None, backbone_weights=None, name="ssd_mobilenet_300"
):
    """SSDLite on MobileNetV2, for RGB images of 300 px: 1917 default boxes.

    TensorFlow's `ssdlite_mobilenet_v2`, layer by layer. Arguments as SSDMobileNet320's.
    """
    return _ssd_mobilenet(SSD_MOBILENET_300, num_classes, alpha, weights, backbone_weights, name)


def _ssd_mobilenet(config, num_classes, alpha, weights, backbone_weights, name):
    backbone = backbones.mobilenet_v2(config.image_size, alpha, backbone_weights)
    return SSD(
        config, num_classes, backbone=backbone, separable_heads=True, weights=weights, name=name
    )


def SSDTiny128(num_classes=20, *, weights=None, name="ssd_tiny_128"):
    """A toy SSD for RGB images of 128 px: to see training work in minutes, and for tests."""
    backbone = backbones.tiny(128)
    return SSD(SSD_TINY_128, num_classes, backbone=backbone, weights=weights, name=name)
