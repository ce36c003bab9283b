"""Rounds the kernels of convolutions to int8: one scale for each output channel.

Source: Frantar et al. 2023, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained
Transformers", section 3, for 1x1 convolutions, which are matrix products.
"""

import numpy as np
from keras import layers, ops

_DAMPING = 0.01  # of the second moments, as in the paper


def rounding_error(layer, moments: np.ndarray | None = None) -> np.ndarray:
    """What rounding adds to the kernel of a Conv2D or DepthwiseConv2D, of the kernel's shape.

    Args:
        layer: the convolution.
        moments: (C, C), E[x x^T] over the inputs of a 1x1 convolution: each weight is then rounded
            so that it makes up for the errors of those before it. None: each to the nearest, as
            LiteRT's converter does.
    """
    kernel = ops.convert_to_numpy(layer.kernel).astype(np.float64)
    channel_axes = (2, 3) if isinstance(layer, layers.DepthwiseConv2D) else (3,)
    others = tuple(axis for axis in range(4) if axis not in channel_axes)
    scale = np.maximum(np.abs(kernel).max(axis=others, keepdims=True) / 127, 1e-12)
    if moments is None:
        rounded = np.round(kernel / scale)
    else:
        rounded = _round_in_turn((kernel / scale)[0, 0], moments)
    return (rounded * scale - kernel).astype(np.float32)


def _round_in_turn(weights, moments):
    """Whole numbers from -127 to 127 near `weights` (C, N), whose outputs hardly differ."""
    damped = moments + np.eye(len(moments)) * (_DAMPING * np.trace(moments) / len(moments) + 1e-9)
    factors = np.linalg.cholesky(np.linalg.inv(damped.astype(np.float64))).T
    # The largest of each column stays: the converter takes the scale from it.
    largest = np.abs(weights).argmax(axis=0)
    extremes = np.round(np.take_along_axis(weights, largest[None], axis=0)[0])
    weights, rounded = weights.copy(), np.zeros_like(weights)
    for row, current in enumerate(weights):  # as the rows before have changed it
        nearest = np.clip(np.round(current), -127, 127)
        rounded[row] = np.where(largest == row, extremes, nearest)
        error = (current - rounded[row]) / factors[row, row]
        weights[row + 1 :] -= np.outer(factors[row, row + 1 :], error)
    return rounded
