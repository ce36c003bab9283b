"""Builds the neck of an SSD, which gives fine feature maps the knowledge of the coarse ones."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from keras import layers

from keras_ssd.models.backbone_parts import separable_relu6


def feature_pyramid(maps: Sequence[Any], channels: int = 128, extra_maps: int = 1) -> list[Any]:
    """Adds a feature pyramid of separable convolutions (FPNLite) to the maps of a backbone.

    A pointwise convolution gives each map the same number of channels, and the next coarser result
    is enlarged and added to it. A separable convolution then smooths each sum. The layers are those
    of TensorFlow's FPNLite. Source: Lin et al. 2017, "Feature Pyramid Networks for Object
    Detection".

    Args:
        maps: tensors (B, H, W, C), the finest first, each twice as large as the next.
        channels: the number of channels of each result.
        extra_maps: the number of maps to add, each half as large as the one before.

    Returns:
        The new maps, the finest first.

    Raises:
        ValueError: a map is not twice as large as the next.
    """
    sizes = [tuple(x.shape[1:3]) for x in maps]
    for finer, coarser in pairwise(sizes):
        if finer != (2 * coarser[0], 2 * coarser[1]):
            raise ValueError(
                f"feature_pyramid: each map must be twice as large as the next, not {sizes}"
            )
    pyramid: list[Any] = []
    above = None
    for number in range(len(maps), 0, -1):
        x = layers.Conv2D(channels, 1, name=f"pyramid{number}_lateral")(maps[number - 1])
        if above is not None:
            larger = _enlarged(above, f"pyramid{number}_enlarge")
            x = layers.Add(name=f"pyramid{number}_add")([x, larger])
        above = x
        pyramid.insert(0, separable_relu6(x, channels, f"pyramid{number}"))
    for number in range(len(maps) + 1, len(maps) + extra_maps + 1):
        pyramid.append(separable_relu6(pyramid[-1], channels, f"pyramid{number}", strides=2))
    return pyramid


def _enlarged(x, name):
    """Repeats each row and each column of a map (B, H, W, C): (B, 2 H, 2 W, C).

    It only joins and reshapes. Keras's UpSampling2D would repeat in float32 in an int8 file, and
    after Keras's Resizing batch norms train in every call that does not say that it does not train.
    """
    _, height, width, channels = x.shape
    x = layers.Concatenate(name=f"{name}_columns")([x, x])  # (B, H, W, 2 C)
    x = layers.Reshape((height, 1, 2 * width * channels), name=f"{name}_row")(x)
    x = layers.Concatenate(axis=2, name=f"{name}_rows")([x, x])  # (B, H, 2, 2 W C)
    return layers.Reshape((2 * height, 2 * width, channels), name=name)(x)
