"""Evens out the channels of a network that int8 would round by one scale for all of them.

Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
Correction", section 4.1, with ranges measured on images, and along the additions of a network.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from keras_ssd.formats.litert.quantization.keras_graph import (
    is_called_once,
    normalizes_channels,
    readers_by_tensor,
)


def with_equal_channels(model, images: Sequence[np.ndarray]):
    """A copy of a model that puts out the same, but whose bottlenecks suit int8 better.

    MobileNetV2's bottlenecks have no activation, and a few of their channels are ten times larger
    than most, which a scale for the whole tensor rounds away. What batch normalization divides by
    there, channel by channel, the kernels behind are multiplied by.

    Args:
        model: a functional keras.Model. What models within it and `keras.ops` read or write stays.
        images: what the model takes, (S, S, 3) each; about 100.

    Returns:
        keras.Model, with weights of its own.
    """
    import tensorflow as tf

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    bottlenecks = _bottlenecks(copy)
    if not bottlenecks:
        return copy
    outputs = [[layer.output for layer in producers] for producers, _ in bottlenecks]
    features = keras.Model(copy.input, outputs)

    @tf.function
    def largest(image):
        tensors = keras.tree.flatten(features(image, training=False))
        values = iter([ops.max(ops.abs(tensor), axis=(0, 1, 2)) for tensor in tensors])
        return [ops.max(ops.stack([next(values) for _ in group]), axis=0) for group in outputs]

    ranges = [0.0] * len(bottlenecks)
    for image in images:
        found = largest(image[None].astype(np.float32))
        ranges = [np.maximum(*pair) for pair in zip(ranges, found, strict=True)]
    for (producers, readers), activation in zip(bottlenecks, ranges, strict=True):
        weight = np.max([_largest_weights(layer) for layer in readers], axis=0)
        # The geometric mean of what would even out the activations and the weights.
        divisor = np.sqrt(_positive(activation) / _positive(weight))
        for layer in producers:
            if type(layer) is not layers.Add:
                layer.gamma.assign(layer.gamma / divisor)
                layer.beta.assign(layer.beta / divisor)
        for layer in readers:
            layer.kernel.assign(layer.kernel * divisor[:, None])
    return copy


def _bottlenecks(model):
    """Pairs: batch normalizations and the additions that join them, and the convolutions behind.

    Only those that nothing else reads or writes.
    """
    groups = {}  # by the tensor, the group that it belongs to: one list that they all share
    for layer in filter(is_called_once, model.layers):  # in the order of computation
        if _can_be_divided(layer) or type(layer) is layers.Add:
            joined = [layer]
            if type(layer) is layers.Add:
                found = {id(group): group for t in _inputs(layer) if (group := groups.get(id(t)))}
                joined = [member for group in found.values() for member in group] + joined
            for member in joined:
                groups[id(member.output)] = joined
    pairs, readers = [], readers_by_tensor(model)
    for producers in {id(group): group for group in groups.values()}.values():
        within = {id(layer.output) for layer in producers}
        additions = [layer for layer in producers if type(layer) is layers.Add]
        behind = [reader for layer in producers for reader in readers[id(layer.output)]]
        behind = [reader for reader in behind if reader not in additions]
        closed = all(id(tensor) in within for layer in additions for tensor in _inputs(layer))
        alike = len({layer.output.shape for layer in producers}) == 1
        if closed and alike and behind and all(map(_can_be_multiplied, behind)):
            pairs.append((producers, behind))
    return pairs


def _can_be_divided(layer):
    return normalizes_channels(layer) and layer.scale and layer.center


def _can_be_multiplied(layer):
    return type(layer) is layers.Conv2D and layer.groups == 1 and is_called_once(layer)


def _inputs(layer):
    return keras.tree.flatten(layer.input)  # Keras unwraps a list of one


def _largest_weights(convolution):
    """Of each input channel, relative to the output channel's own largest: (channels,)."""
    kernel = np.abs(ops.convert_to_numpy(convolution.kernel))
    relative = kernel / _positive(kernel.max(axis=(0, 1, 2)))
    return relative.max(axis=(0, 1, 3))


def _positive(values):
    return np.maximum(values, 1e-6)
