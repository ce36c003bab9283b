"""Parts that backbones, necks and the heads of an SSD are built from."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers

from keras_ssd.models.fast_layers import (
    FastDepthwiseConv2D,
    FastReLU,
    FusedBatchNormalization,
    fast_kind,
)

# The momentum of the moving statistics. At 0.99 or 0.999 they have not converged after a few
# hundred steps, so inference is worse than training suggests.
BATCH_NORM_MOMENTUM = 0.95


def normalized_images(
    image_size: int, scale: float = 1.0, offset: float | Sequence[float] = 0.0
) -> tuple[Any, Any]:
    """Returns the input of a model, RGB pixels in 0..255, and `scale * pixels + offset`."""
    images = keras.Input((image_size, image_size, 3), name="images")
    # float32, because half precision rounds the difference of pixel and mean too much
    return images, layers.Rescaling(scale, offset, dtype="float32", name="normalize")(images)


def with_fast_layers(application: keras.Model, end: str | None = None) -> keras.Model:
    """Copies a model of `keras.applications` with layers that train faster, and its weights.

    The batch norms of the copy have the momentum of this package.

    Args:
        application: the model, which is not changed.
        end: a new name for its last layer, where Keras's name has a number that changes.
    """

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, layers.BatchNormalization):
            config["momentum"] = BATCH_NORM_MOMENTUM
        if end is not None and layer is application.layers[-1]:
            config["name"] = end
        return fast_kind(layer).from_config(config)

    model = keras.models.clone_model(application, clone_function=clone)
    model.set_weights(application.get_weights())
    return model


def normalized_relu6(convolution: keras.layers.Layer, x: Any) -> Any:
    """Applies a convolution layer, then batch normalization and ReLU6 named after it."""
    name = convolution.name
    x = FusedBatchNormalization(epsilon=1e-3, momentum=BATCH_NORM_MOMENTUM, name=f"{name}_bn")(
        convolution(x)
    )
    return FastReLU(6.0, name=f"{name}_relu")(x)


def separable_relu6(x: Any, channels: int, name: str, strides: int = 1) -> Any:
    """Applies a depthwise 3x3 and a pointwise convolution, each with batch norm and ReLU6.

    Their names are NAME_depthwise and NAME_expand.
    """
    depthwise = FastDepthwiseConv2D(
        3, strides=strides, padding="same", use_bias=False, name=f"{name}_depthwise"
    )
    pointwise = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_expand")
    return normalized_relu6(pointwise, normalized_relu6(depthwise, x))


def ssdlite_extras(x: Any) -> list[Any]:
    """Returns the four maps that SSDLite adds, each half as large as the one before.

    Their convolutions are named extra1_reduce, extra1_depthwise, extra1_expand, extra2_reduce, ...
    """
    maps = []
    for number, channels in enumerate((512, 256, 256, 128), start=1):
        reduce = layers.Conv2D(channels // 2, 1, use_bias=False, name=f"extra{number}_reduce")
        x = separable_relu6(normalized_relu6(reduce, x), channels, f"extra{number}", strides=2)
        maps.append(x)
    return maps


def xavier() -> keras.initializers.Initializer:
    """Returns the initializer of the paper's new layers: Caffe's "xavier", uniform by fan-in."""
    return keras.initializers.VarianceScaling(1.0, mode="fan_in", distribution="uniform")


def relu_convolution(
    channels: int, size: int, kind: type = layers.Conv2D, **options: Any
) -> keras.layers.Layer:
    """Returns a convolution layer with ReLU and the paper's initializer."""
    return kind(channels, size, activation="relu", kernel_initializer=xavier(), **options)
