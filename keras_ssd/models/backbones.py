"""Builds backbones, from RGB pixels in 0..255 to the feature maps that boxes are predicted from.

A backbone includes the normalization of pixels that its weights expect, so a model that is built on
it takes plain pixels.
"""

from collections.abc import Sequence
from pathlib import Path

import keras
from keras import layers

from keras_ssd.checkpoints.vgg16 import IMAGENET_MEAN, read_vgg16_weights
from keras_ssd.models.backbone_parts import (
    normalized_images,
    normalized_relu6,
    relu_convolution,
    ssdlite_extras,
    with_fast_layers,
)
from keras_ssd.models.data_format import channels_last
from keras_ssd.models.fast_layers import DilatedConv2D
from keras_ssd.models.feature_pyramid import feature_pyramid
from keras_ssd.models.layers import L2Normalization


@channels_last
def vgg16(
    image_size: int,
    weights: str | Path | None = None,
    mean: Sequence[float] = IMAGENET_MEAN,
) -> keras.Model:
    """Builds VGG16 with dilated fc6 and fc7, and the paper's extra blocks.

    It has the layers of `keras.applications.VGG16`, but the third pooling rounds up, so that
    300 px give 38 cells, and the fifth is 3x3 with stride 1. Source: paper, section 3; Caffe
    `model_libs.py`.

    Args:
        image_size: the side of the input in pixels: 300 (six maps) or 512 (seven maps).
        weights: the weights of the layers up to fc7, as in `read_vgg16_weights`; None makes them
            random.
        mean: the RGB color that is subtracted from the pixels.

    Returns:
        A model from (B, S, S, 3) to conv4_3_norm, fc7, conv6_2, conv7_2 and so on (Caffe's names).

    Raises:
        ValueError: the image size is not 300 or 512, or the weights do not fit.
    """
    images, x = normalized_images(image_size, offset=[-value for value in mean])
    application = keras.applications.VGG16(include_top=False, weights=None)
    for layer in application.layers[1:-1]:  # all but the input and the last pooling
        changes = {"padding": "same"} if layer.name == "block3_pool" else {}
        x = type(layer).from_config({**layer.get_config(), **changes})(x)
        if layer.name == "block4_conv3":
            conv4_3 = x
    x = layers.MaxPooling2D(3, strides=1, padding="same", name="block5_pool")(x)
    x = relu_convolution(1024, 3, DilatedConv2D, padding="same", dilation_rate=6, name="fc6")(x)
    x = relu_convolution(1024, 1, name="fc7")(x)
    maps = [L2Normalization(name="conv4_3_norm")(conv4_3), x]

    # (channels, kernel size, stride, padding) of each block's second convolution
    extras = {
        300: [(512, 3, 2, 1), (256, 3, 2, 1), (256, 3, 1, 0), (256, 3, 1, 0)],
        512: [(512, 3, 2, 1), (256, 3, 2, 1), (256, 3, 2, 1), (256, 3, 2, 1), (256, 4, 1, 1)],
    }
    if image_size not in extras:
        raise ValueError(f"vgg16: image_size must be 300 or 512, not {image_size}")
    for number, (channels, size, strides, padding) in enumerate(extras[image_size], start=6):
        x = relu_convolution(channels // 2, 1, name=f"conv{number}_1")(x)
        if padding:  # on all sides, as in Caffe; "same" would pad even maps on one side only
            x = layers.ZeroPadding2D(padding, name=f"conv{number}_2_pad")(x)
        x = relu_convolution(channels, size, strides=strides, name=f"conv{number}_2")(x)
        maps.append(x)

    model = keras.Model(images, maps, name="vgg16")
    if weights is not None:
        for name, kernel_and_bias in read_vgg16_weights(weights).items():
            model.get_layer(name).set_weights(kernel_and_bias)
    return model


@channels_last
def mobilenet_v2(
    image_size: int, alpha: float = 1.0, weights: str | Path | None = None
) -> keras.Model:
    """Builds `keras.applications.MobileNetV2` and four depthwise-separable extra blocks.

    The layers are those of TensorFlow's `ssdlite_mobilenet_v2`.

    Args:
        image_size: the side of the input in pixels.
        alpha: the width multiplier of MobileNetV2.
        weights: the weights of MobileNetV2 without its top: "imagenet" (downloads), a path, or
            None (random).

    Returns:
        A model from (B, S, S, 3) to six maps: the expansion of block 13 (stride 16), the last
        convolution (stride 32) and the extras, each half as large as the one before.
    """
    application = _mobilenet_v2(image_size, alpha, weights)
    maps = [application.get_layer(name).output for name in ("block_13_expand_relu", "out_relu")]
    maps += ssdlite_extras(maps[-1])
    return keras.Model(application.inputs[0], maps, name="mobilenet_v2")


@channels_last
def mobilenet_v2_fpn(
    image_size: int, alpha: float = 1.0, weights: str | Path | None = None
) -> keras.Model:
    """Builds `keras.applications.MobileNetV2` and a feature pyramid of 128 channels.

    It joins the maps that TensorFlow's `ssd_mobilenet_v2_fpnlite` joins.

    Args:
        image_size: the side of the input in pixels, a multiple of 32.
        alpha: the width multiplier of MobileNetV2.
        weights: the weights of MobileNetV2, as in `mobilenet_v2`.

    Returns:
        A model from (B, S, S, 3) to four maps of strides 8, 16, 32 and 64.

    Raises:
        ValueError: the image size is not a multiple of 32, or the weights do not fit.
    """
    if image_size % 32:
        raise ValueError(f"mobilenet_v2_fpn: image_size must be a multiple of 32, not {image_size}")
    application = _mobilenet_v2(image_size, alpha, weights)
    names = ("block_5_add", "block_12_add", "out_relu")
    maps = feature_pyramid([application.get_layer(name).output for name in names])
    return keras.Model(application.inputs[0], maps, name="mobilenet_v2_fpn")


@channels_last
def mobilenet_v3_large(
    image_size: int, alpha: float = 1.0, weights: str | Path | None = None
) -> keras.Model:
    """Builds `keras.applications.MobileNetV3Large` and the extra blocks of `mobilenet_v2`.

    The maps are those of torchvision's `ssdlite320_mobilenet_v3_large`.

    Args:
        image_size: the side of the input in pixels.
        alpha: the width multiplier of MobileNetV3.
        weights: the weights of MobileNetV3Large without its top: "imagenet" (downloads), a path, or
            None (random).

    Returns:
        A model from (B, S, S, 3) to six maps: the expansion of block 12 (stride 16), the last
        convolution (stride 32) and the extras, each half as large as the one before.
    """
    _, x = normalized_images(image_size, scale=1 / 127.5, offset=-1.0)
    application = with_fast_layers(
        keras.applications.MobileNetV3Large(
            input_tensor=x,
            alpha=alpha,
            include_top=False,
            weights=weights,
            include_preprocessing=False,
        ),
        end="out_hard_swish",
    )
    expanded = application.get_layer("expanded_conv_12_depthwise_pad").input
    maps = [expanded, *application.outputs, *ssdlite_extras(application.outputs[0])]
    return keras.Model(application.inputs[0], maps, name="mobilenet_v3_large")


@channels_last
def resnet50(image_size: int, weights: str | Path | None = None) -> keras.Model:
    """Builds `keras.applications.ResNet50` and three extra blocks.

    Args:
        image_size: the side of the input in pixels; 300 gives the six grids of SSD300.
        weights: the weights of ResNet50 without its top: "imagenet" (downloads), a path, or None
            (random).

    Returns:
        A model from (B, S, S, 3) to six maps: the ends of stages 3, 4 and 5 (strides 8, 16
        and 32) and the extras.
    """
    _, x = normalized_images(image_size, offset=[-mean for mean in IMAGENET_MEAN])
    application = with_fast_layers(
        keras.applications.ResNet50(input_tensor=x, include_top=False, weights=weights)
    )
    if weights is not None:
        stem = application.get_layer("conv1_conv")
        kernel, bias = stem.get_weights()
        stem.set_weights([kernel[:, :, ::-1], bias])  # BGR -> RGB
    stages = ("conv3_block4_out", "conv4_block6_out", "conv5_block3_out")
    maps = [application.get_layer(name).output for name in stages]
    x = maps[-1]
    for number, strides in enumerate((2, 1, 1), start=1):
        x = relu_convolution(128, 1, name=f"extra{number}_1")(x)
        if strides == 2:
            x = layers.ZeroPadding2D(1, name=f"extra{number}_2_pad")(x)
        x = relu_convolution(256, 3, strides=strides, name=f"extra{number}_2")(x)
        maps.append(x)
    return keras.Model(application.inputs[0], maps, name="resnet50")


@channels_last
def tiny(image_size: int) -> keras.Model:
    """Builds a few plain convolutions, which learn drawn shapes from random weights in minutes.

    Args:
        image_size: the side of the input in pixels.

    Returns:
        A model from (B, S, S, 3) to four maps of strides 8, 16, 32 and 64.
    """
    images, x = normalized_images(image_size, scale=1 / 127.5, offset=-1.0)
    maps = []
    for number, channels in enumerate((16, 32, 64, 96, 128, 128), start=1):
        for index, strides in enumerate((2,) if number == 1 else (2, 1), start=1):
            convolution = layers.Conv2D(
                channels,
                3,
                strides=strides,
                padding="same",
                use_bias=False,
                name=f"conv{number}_{index}",
            )
            x = normalized_relu6(convolution, x)
        maps.append(x)
    return keras.Model(images, maps[2:], name="tiny")


def _mobilenet_v2(image_size, alpha, weights):
    _, x = normalized_images(image_size, scale=1 / 127.5, offset=-1.0)
    application = keras.applications.MobileNetV2(
        input_tensor=x, alpha=alpha, include_top=False, weights=weights
    )
    return with_fast_layers(application)
