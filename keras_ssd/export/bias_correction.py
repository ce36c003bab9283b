"""Takes back how rounding the weights to int8 shifts what a network's convolutions put out.

Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
Correction", section 4.2, with means measured on images.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from keras_ssd.models.layers import BatchNormalization


def with_corrected_biases(model, images: Sequence[np.ndarray]):
    """A copy of a model whose convolutions put out the same mean once their weights are rounded.

    MobileNets need it: their 1x1 convolutions sum hundreds of activations that are never negative,
    and with them the errors of the weights.

    Args:
        model: a keras.Model of Keras's layers and this package's; each convolution has a bias, or
            batch normalization right behind it.
        images: what the model takes, (S, S, 3) each; about 100.

    Returns:
        keras.Model, with weights of its own.
    """
    import tensorflow as tf

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    kinds = layers.Conv2D | layers.DepthwiseConv2D
    convolutions = [layer for layer in copy.layers if isinstance(layer, kinds)]
    features = keras.Model(copy.input, [layer.input for layer in convolutions])
    errors = [_rounding_error(layer) for layer in convolutions]

    @tf.function
    def mean_shifts(images):
        inputs = keras.tree.flatten(features(images, training=False))
        outputs = map(_convolve, convolutions, inputs, errors)
        return [ops.mean(output, axis=(0, 1, 2)) for output in outputs]

    totals = [0.0] * len(convolutions)
    for image in images:  # one by one, since all activations are held at once
        shifts = mean_shifts(image[None].astype(np.float32))
        totals = [total + shift.numpy() for total, shift in zip(totals, shifts, strict=True)]
    behind = {
        id(layer.input): layer for layer in copy.layers if isinstance(layer, BatchNormalization)
    }
    for layer, total in zip(convolutions, totals, strict=True):
        shift = total / len(images)
        if layer.use_bias:
            layer.bias.assign_sub(shift)
        else:
            behind[id(layer.output)].moving_mean.assign_add(shift)
    return copy


def _rounding_error(layer):
    """Of the kernel: int8 of one scale for each output channel, as the converter rounds it."""
    kernel = ops.convert_to_numpy(layer.kernel)
    channel_axes = (2, 3) if isinstance(layer, layers.DepthwiseConv2D) else (3,)
    others = tuple(axis for axis in range(4) if axis not in channel_axes)
    scale = np.maximum(np.abs(kernel).max(axis=others, keepdims=True) / 127, 1e-12)
    return np.round(kernel / scale) * scale - kernel


def _convolve(layer, inputs, kernel):
    convolve = ops.depthwise_conv if isinstance(layer, layers.DepthwiseConv2D) else ops.conv
    return convolve(inputs, kernel, layer.strides, layer.padding, None, layer.dilation_rate)
