"""What evening out does to a small network with bottlenecks as MobileNetV2's."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import layers

from keras_ssd.formats.litert.quantization.equalization import with_equal_channels
from keras_ssd.models.layers import FusedBatchNormalization

IMAGES = np.random.default_rng(0).uniform(0, 6, (5, 8, 8, 4)).astype(np.float32)


def network(*, also_read=False):
    """Two projections that are added, with channels of very different size, and what reads them."""
    inputs = keras.Input((8, 8, 4))
    first = FusedBatchNormalization(name="first")(layers.Conv2D(6, 1, use_bias=False)(inputs))
    x = layers.ReLU(6.0)(layers.Conv2D(8, 1)(first))
    second = FusedBatchNormalization(name="second")(layers.Conv2D(6, 1, use_bias=False)(x))
    total = layers.Add(name="sum")([first, second])
    x = layers.Conv2D(3, 3, activation="relu")(total)
    model = keras.Model(inputs, [x, total] if also_read else x)
    for name in ("first", "second"):
        gamma = model.get_layer(name).gamma
        gamma.assign(gamma * np.array([1, 2, 1, 40, 1, 1], np.float32))
    return model


def spread(model):
    """Of the largest values of the channels of the sum: the largest by the smallest."""
    values = keras.Model(model.input, model.get_layer("sum").output)(IMAGES)
    largest = np.abs(values).max(axis=(0, 1, 2))
    return largest.max() / largest.min()


def test_the_outputs_stay_and_the_channels_come_nearer():
    model = network()
    weights = model.get_weights()
    even = with_equal_channels(model, IMAGES)
    np.testing.assert_allclose(even(IMAGES), model(IMAGES), rtol=1e-3, atol=1e-3)
    assert spread(even) < spread(model) / 3
    for ours, before in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(ours, before)  # the model itself is left alone


def test_channels_that_others_read_too_are_left_alone():
    model = network(also_read=True)
    even = with_equal_channels(model, IMAGES)
    for ours, before in zip(even.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, before)


class NormalizationWithReLU6(layers.BatchNormalization):
    def call(self, inputs, **options):
        return keras.ops.relu6(super().call(inputs, **options))


class AdditionWithReLU6(layers.Add):
    def call(self, inputs):
        return keras.ops.relu6(super().call(inputs))


def custom(build, normalization=layers.BatchNormalization):
    """What `build` makes of a batch normalization with channels of very different size."""
    inputs = keras.Input((8, 8, 4))
    first = normalization(name="first")
    model = keras.Model(inputs, build(first(inputs)))
    sizes = first.gamma if first.scale else first.beta
    sizes.assign(np.geomspace(1, 40, sizes.shape[0]))
    return model


def convolve(x, channels=4):
    return layers.Conv2D(channels, 1)(x)


def nested(x):
    return keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(4, 1)])(x)


def convolve_twice(x):
    layer = layers.Conv2D(4, 1)
    return layer(layer(x))


def normalize_twice(x):
    layer = layers.BatchNormalization()
    return convolve(layer(convolve(layer(x))))


def add_twice(x):
    layer = layers.Add()
    return convolve(layer([layer([x, x]), x]))


def add_one_channel(x):
    return convolve(layers.Add()([x, layers.BatchNormalization()(convolve(x, 1))]))


@pytest.mark.parametrize(
    "build",
    [
        lambda x: convolve(convolve(x) / 127.5 - 1),
        lambda x: nested(convolve(x)),
        lambda x: convolve_twice(convolve(x)),
        lambda x: normalize_twice(convolve(x)),
        lambda x: convolve(layers.Add()([x])),
    ],
)
def test_a_custom_network_is_evened_out_where_convolutions_alone_read(build):
    model = custom(build)
    even = with_equal_channels(model, IMAGES)
    np.testing.assert_allclose(even(IMAGES), model(IMAGES), rtol=1e-3, atol=1e-3)
    gamma, before = (np.array(one.get_layer("first").gamma) for one in (even, model))
    assert gamma.max() / gamma.min() < before.max() / before.min() / 2


@pytest.mark.parametrize(
    ("build", "normalization"),
    [
        (lambda x: convolve(x) + x, layers.BatchNormalization),
        (lambda x: [convolve(x), nested(x)], layers.BatchNormalization),
        (convolve_twice, layers.BatchNormalization),
        (normalize_twice, layers.BatchNormalization),
        (add_twice, layers.BatchNormalization),
        (add_one_channel, layers.BatchNormalization),
        (lambda x: convolve(AdditionWithReLU6()([x, x])), layers.BatchNormalization),
        (convolve, NormalizationWithReLU6),
        (convolve, partial(layers.BatchNormalization, scale=False)),
        (convolve, partial(layers.BatchNormalization, axis=1)),
    ],
)
def test_a_custom_network_is_left_alone_where_anything_else_reads_or_writes(build, normalization):
    model = custom(build, normalization)
    even = with_equal_channels(model, IMAGES)
    for ours, before in zip(even.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, before)
