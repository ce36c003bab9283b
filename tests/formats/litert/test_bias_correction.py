"""What a correction does to a network of one convolution, where it is exact."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_ssd.formats.litert.quantization.bias_correction import with_corrected_biases
from keras_ssd.models.layers import FusedBatchNormalization

IMAGES = np.random.default_rng(0).uniform(0, 6, (5, 8, 8, 4)).astype(np.float32)


def network(convolution, *behind):
    inputs = x = keras.Input((8, 8, 4))
    for layer in (convolution, *behind):
        x = layer(x)
    return keras.Model(inputs, x)


def round_weights(model):
    """Rounds the kernel to int8, channel by channel, as LiteRT's converter does."""
    convolution = model.layers[1]
    kernel = np.array(convolution.kernel)
    depthwise = isinstance(convolution, layers.DepthwiseConv2D)
    channels = kernel[..., 0] if depthwise else kernel  # a view: the channel is the last axis
    for channel in range(channels.shape[-1]):
        scale = np.abs(channels[..., channel]).max() / 127
        channels[..., channel] = np.round(channels[..., channel] / scale) * scale
    convolution.kernel.assign(kernel)


def mean(model):
    return np.mean(model(IMAGES, training=False), axis=(0, 1, 2))


@pytest.mark.parametrize(
    "build",
    [
        lambda: (layers.Conv2D(3, 1),),
        lambda: (layers.Conv2D(3, 3, strides=2, padding="same"),),
        lambda: (layers.Conv2D(3, 3, padding="same", dilation_rate=2),),
        lambda: (layers.DepthwiseConv2D(3, strides=2, padding="same"),),
        lambda: (layers.Conv2D(3, 1, use_bias=False), FusedBatchNormalization()),
        lambda: (layers.DepthwiseConv2D(3, use_bias=False), FusedBatchNormalization()),
        lambda: (layers.Conv2D(3, 3, use_bias=False), layers.BatchNormalization()),
    ],
)
def test_the_mean_of_each_channel_is_that_of_the_exact_weights(build):
    model = network(*build())
    exact = mean(model)
    corrected = with_corrected_biases(model, IMAGES)
    np.testing.assert_array_equal(mean(model), exact)  # the model itself is left alone
    round_weights(model)
    round_weights(corrected)
    assert np.abs(mean(model) - exact).max() > 1e-4
    np.testing.assert_allclose(mean(corrected), exact, rtol=1e-6, atol=2e-6)


def test_weights_that_are_not_rounded_are_left_alone():
    model = network(layers.Conv2D(3, 1, name="exact"), layers.Conv2D(3, 3))
    corrected = with_corrected_biases(model, IMAGES, exact={"exact"})
    changed = [
        not np.array_equal(ours, theirs)
        for ours, theirs in zip(corrected.get_weights(), model.get_weights(), strict=True)
    ]
    assert changed == [False, False, False, True]  # kernel and bias of each


def test_a_channel_of_zeros_stays_so():
    model = network(layers.Conv2D(3, 1, kernel_initializer="zeros"))
    np.testing.assert_array_equal(mean(with_corrected_biases(model, IMAGES)), 0)


def nested(x):
    return keras.Sequential([keras.Input((None, None, 4)), layers.Conv2D(4, 3)])(x)


def convolve_twice(x):
    layer = layers.Conv2D(4, 3)
    return layer(layer(x))


def convolve(x, **options):
    return layers.Conv2D(4, 3, use_bias=False, **options)(x)


def normalize_twice(x):
    layer = layers.BatchNormalization()
    return layer(convolve(layer(convolve(x))))


def normalize_and_pass_on(x):
    x = convolve(x)
    return [layers.BatchNormalization()(x), x]


@pytest.mark.parametrize(
    "build",
    [
        nested,
        convolve,
        lambda x: convolve(x) / 127.5 - 1,
        lambda x: nested(convolve(x)),
        lambda x: layers.BatchNormalization()(convolve(x, activation="relu")),
        lambda x: layers.BatchNormalization(axis=1)(convolve(x, padding="same")),
        convolve_twice,
        normalize_twice,
        normalize_and_pass_on,
    ],
)
def test_means_that_no_bias_or_normalization_can_take_back_are_left_alone(build):
    inputs = keras.Input((8, 8, 4))
    model = keras.Model(inputs, build(inputs))
    corrected = with_corrected_biases(model, IMAGES)
    for ours, before in zip(corrected.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, before)


def test_weights_are_rounded_where_no_bias_can_be_corrected():
    model = network(layers.Conv2D(3, 1, use_bias=False))
    corrected = with_corrected_biases(model, IMAGES)
    (kernel,), (before,) = corrected.get_weights(), model.get_weights()
    assert not np.array_equal(kernel, before)
    steps = kernel / (np.abs(before).max(axis=(0, 1, 2)) / 127)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
