"""What evening out does to a small network with bottlenecks as MobileNetV2's."""

import keras
import numpy as np
from keras import layers

from keras_ssd.export.equalization import with_equal_channels
from keras_ssd.models.layers import BatchNormalization

IMAGES = np.random.default_rng(0).uniform(0, 6, (5, 8, 8, 4)).astype(np.float32)


def network(*, also_read=False):
    """Two projections that are added, with channels of very different size, and what reads them."""
    inputs = keras.Input((8, 8, 4))
    first = BatchNormalization(name="first")(layers.Conv2D(6, 1, use_bias=False)(inputs))
    x = layers.ReLU(6.0)(layers.Conv2D(8, 1)(first))
    second = BatchNormalization(name="second")(layers.Conv2D(6, 1, use_bias=False)(x))
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
