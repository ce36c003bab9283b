"""Takes back how rounding the weights to int8 shifts what a network's convolutions put out.

Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
Correction", section 4.2, with means measured on images.
"""

from collections.abc import Collection, Sequence

import keras
import numpy as np
from keras import activations, layers, ops

from keras_ssd.formats.litert.quantization.keras_graph import (
    is_called_once,
    normalizes_channels,
    readers_by_tensor,
)
from keras_ssd.formats.litert.quantization.weight_rounding import rounding_error
from keras_ssd.models.layers import DilatedConv2D

_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, DilatedConv2D)


def with_corrected_biases(model, images: Sequence[np.ndarray], exact: Collection[str] = ()):
    """A copy of a model whose convolutions put out the same mean once their weights are rounded.

    MobileNets need it: their 1x1 convolutions sum hundreds of activations that are never negative,
    and with them the errors of the weights.

    Args:
        model: a functional keras.Model. Convolutions that it calls twice, and those of models
            within it, are left alone; those without a bias are not corrected unless batch
            normalization alone stands right behind.
        images: what the model takes, (S, S, 3) each; about 100.
        exact: names of convolutions whose weights are not rounded. Those of other 1x1 convolutions
            come back rounded, see `rounding_error`.

    Returns:
        keras.Model, with weights of its own.
    """
    import tensorflow as tf

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    convolutions = [
        layer
        for layer in filter(is_called_once, copy.layers)
        if type(layer) in _CONVOLUTIONS and layer.name not in exact
    ]
    if not convolutions:
        return copy
    features = keras.Model(copy.input, [layer.input for layer in convolutions])
    moments = _second_moments(convolutions, features, images)
    errors = list(map(rounding_error, convolutions, moments))

    @tf.function
    def mean_shifts(images):
        inputs = keras.tree.flatten(features(images, training=False))
        outputs = map(_convolve, convolutions, inputs, errors)
        return [ops.mean(output, axis=(0, 1, 2)) for output in outputs]

    totals = [0.0] * len(convolutions)
    for image in images:  # one by one, since all activations are held at once
        shifts = mean_shifts(image[None].astype(np.float32))
        totals = [total + shift.numpy() for total, shift in zip(totals, shifts, strict=True)]
    readers = readers_by_tensor(copy)
    for layer, total in zip(convolutions, totals, strict=True):
        shift, behind = total / len(images), readers[id(layer.output)]
        if layer.use_bias:
            layer.bias.assign_sub(shift)
        elif layer.activation is activations.linear and _is_one_normalization(behind):
            behind[0].moving_mean.assign_add(shift)
    for layer, error in zip(convolutions, errors, strict=True):
        if _is_matrix_product(layer):  # which the converter would round another way
            layer.kernel.assign_add(error)
    return copy


def _second_moments(convolutions, features, images):
    """E[x x^T] of the inputs (C, C) of the 1x1 convolutions among these; None for the others."""
    import tensorflow as tf

    pointwise = [layer for layer in convolutions if _is_matrix_product(layer)]

    @tf.function
    def moments(images):
        inputs = keras.tree.flatten(features(images, training=False))
        rows = [
            ops.reshape(x[:, :: layer.strides[0], :: layer.strides[1]], (-1, x.shape[-1]))
            for layer, x in zip(convolutions, inputs, strict=True)
            if layer in pointwise
        ]
        return [ops.matmul(ops.transpose(x), x) / len(x) for x in rows]

    totals = [0.0] * len(pointwise)
    for image in images:
        found = moments(image[None].astype(np.float32))
        totals = [total + one.numpy() for total, one in zip(totals, found, strict=True)]
    by_name = dict(zip([layer.name for layer in pointwise], totals, strict=True))
    return [
        by_name[layer.name] / len(images) if layer.name in by_name else None
        for layer in convolutions
    ]


def _is_one_normalization(behind):
    return len(behind) == 1 and normalizes_channels(behind[0]) and is_called_once(behind[0])


def _is_matrix_product(layer):
    return type(layer) is layers.Conv2D and layer.kernel_size == (1, 1) and layer.groups == 1


def _convolve(layer, inputs, kernel):
    convolve = ops.depthwise_conv if isinstance(layer, layers.DepthwiseConv2D) else ops.conv
    return convolve(inputs, kernel, layer.strides, layer.padding, None, layer.dilation_rate)
