"""Quantization-aware training: makes the int8 file of an SSD give the scores of float32.

The SSD learns from itself, without annotations. A copy of it gets the rounded weights of an int8
file, and its maps are rounded as there. Then its biases, batch norms and the scales of its L2
normalizations are trained until it gives what the SSD gives in float32. The weights of its
convolutions stay as they were rounded. docs/training_results.md says what this gains.

Sources: Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference" (rounding in training); Hinton et al. 2015, "Distilling the
Knowledge in a Neural Network" (learning from the scores of another network).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_ssd.formats.litert.quantization import round_weights, upper_bounds
from keras_ssd.models.ssd import SSD
from keras_ssd.terminal import track

BATCH_SIZE = 8
LEARNING_RATE = 2e-4
_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
_RELUS = (keras.activations.relu, keras.activations.relu6)


class _Call(NamedTuple):
    """A call of a layer in the graph of an SSD, with the tensors that it takes and gives."""

    layer: Any
    inputs: list[Any]
    output: Any


class _Statistics(NamedTuple):
    """The least and the greatest value, and the means of the channels, of the output of a call."""

    low: float
    high: float
    means: np.ndarray


def train_quantization_aware(ssd: SSD, images: Sequence[np.ndarray], steps: int) -> SSD:
    """Returns a copy of an SSD that gives, as an int8 file, nearly what the SSD gives in float32.

    The loss of the scores is the cross-entropy with the scores of the SSD. That of the offsets is
    their distance from those of the SSD, where it expects an object. Both are divided by the
    number of default boxes at which the SSD expects one.

    Args:
        ssd: the SSD, in float32, on Keras's TensorFlow backend. It is not changed.
        images: images to learn from, uint8 RGB (S, S, 3). Half of a batch is mirrored.
        steps: the number of steps, of 8 images each.
    """
    import tensorflow as tf

    copy, rounded = round_as_int8(ssd, images)
    variables = [one for one in copy.trainable_variables if one.name != "kernel"]
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    optimizer = keras.optimizers.Adam(schedule, global_clipnorm=10.0)
    optimizer.build(variables)

    @tf.function
    def train(batch):
        expected = ssd(batch, training=False)
        with tf.GradientTape() as tape:  # training=False keeps the statistics of the batch norms
            loss = _loss(rounded(batch, training=False), expected)
        optimizer.apply(tape.gradient(loss, variables), variables)

    rng = np.random.default_rng(0)
    for _ in track(range(steps), "quantization-aware training"):
        batch = np.stack([images[index] for index in rng.integers(len(images), size=BATCH_SIZE)])
        batch[: BATCH_SIZE // 2] = batch[: BATCH_SIZE // 2, :, ::-1]
        train(batch.astype(np.float32))
    return copy


def round_as_int8(ssd: SSD, images: Sequence[np.ndarray]) -> tuple[SSD, keras.Model]:
    """Copies an SSD to what an int8 file would compute.

    Args:
        ssd: the SSD, in float32.
        images: the images to measure the ranges of the maps on, uint8 RGB (S, S, 3).

    Returns:
        A copy whose convolutions have rounded weights and corrected biases, and a model with the
        same layers, which also rounds the maps. Both give what the SSD gives.
    """
    copy = ssd.clone(_trainable_copy)
    copy.set_weights(ssd.get_weights())
    calls, statistics = _measure(copy, images)
    _round_weights(calls, statistics)
    return copy, _with_rounded_maps(copy, calls, statistics)


def _loss(outputs, expected):
    scores = ops.softmax(expected["classes"])
    has_object = 1 - scores[..., 0]
    objects = 1 + ops.sum(has_object)
    entropy = ops.categorical_crossentropy(scores, outputs["classes"], from_logits=True)
    distance = ops.sum(ops.abs(outputs["offsets"] - expected["offsets"]), axis=-1)
    return ops.sum(entropy + has_object * distance) / objects


def _measure(ssd, images):
    """Returns the calls of the SSD's graph, and the statistics of those whose output is a map."""
    calls: list[_Call] = []

    def record(layer, *args, **kwargs):
        calls.append(_Call(layer, keras.tree.flatten(args), layer(*args, **kwargs)))
        return calls[-1].output

    graph = keras.models.clone_model(ssd, clone_function=_same, call_function=record)
    maps = [call.output for call in calls if _is_map(call.output)]
    measured = [
        (ops.min(one, (1, 2, 3)), ops.max(one, (1, 2, 3)), ops.mean(one, (1, 2))) for one in maps
    ]
    batch = np.stack(images).astype(np.float32)
    found = keras.Model(graph.input, measured).predict(batch, batch_size=1, verbose=0)
    statistics = [
        _Statistics(
            float(-upper_bounds(np.maximum(-low, 0))),
            float(upper_bounds(np.maximum(high, 0))),
            means.mean(axis=0),
        )
        for low, high, means in found
    ]
    return calls, {id(one): each for one, each in zip(maps, statistics, strict=True)}


def _round_weights(calls, statistics):
    """Rounds the weights of the convolutions, and corrects the means that rounding shifts."""
    times = Counter(id(call.layer) for call in calls)
    kernels = {}
    for call in calls:
        layer, found = call.layer, statistics.get(id(call.inputs[0]))
        if not isinstance(layer, _CONVOLUTIONS) or found is None:
            continue
        # The axes become (output channels, height, width, input channels read by each of them).
        kernel = np.asarray(layer.kernel)
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
        rounded, shift = round_weights(kernel.transpose(3, 0, 1, 2), found.means)
        kernels[id(layer)] = layer, rounded.transpose(1, 2, 3, 0).reshape(layer.kernel.shape)
        followers = _followers(call, calls)
        if len(followers) == 1 and isinstance(followers[0], keras.layers.BatchNormalization):
            followers[0].moving_mean.assign_add(shift)
        elif layer.use_bias:
            layer.bias.assign_sub(shift / times[id(layer)])  # of all calls of a shared layer
    for layer, kernel in kernels.values():
        layer.kernel.assign(kernel)


def _with_rounded_maps(ssd, calls, statistics):
    """Returns the SSD as a model that rounds the maps that an int8 file keeps."""
    recorded = iter(calls)

    def compute(layer, *args, **kwargs):
        call, output = next(recorded), layer(*args, **kwargs)
        found = statistics.get(id(call.output))
        if found is None or isinstance(layer, keras.layers.ZeroPadding2D):
            return output
        if _is_fused(call, calls) or found.low == found.high:
            return output
        return keras.quantizers.fake_quant_with_min_max_vars(output, found.low, found.high)

    return keras.models.clone_model(ssd, clone_function=_same, call_function=compute)


def _is_fused(call, calls):
    """Tells whether an int8 file computes the next layer with this one, and rounds after both."""
    followers = _followers(call, calls)
    return len(followers) == 1 and (
        isinstance(followers[0], (keras.layers.BatchNormalization, keras.layers.ReLU))
        or (type(followers[0]) is keras.layers.Activation and followers[0].activation in _RELUS)
    )


def _followers(call, calls):
    """Returns the layers that take the output of a call."""
    return [one.layer for one in calls if any(given is call.output for given in one.inputs)]


def _trainable_copy(layer):
    config = layer.get_config()
    if isinstance(layer, keras.layers.Layer):  # not an operation of `keras.ops`
        config["trainable"] = True  # also if it was frozen
    return type(layer).from_config(config)


def _is_map(output):
    return isinstance(output, keras.KerasTensor) and len(output.shape) == 4


def _same(layer):
    return layer
