"""How kernels are rounded to int8, and what that costs."""

import numpy as np
from keras import layers

from keras_ssd.formats.litert.quantization.weight_rounding import rounding_error


def convolution(channels, size):
    layer = layers.Conv2D(6, size)
    layer.build((None, 8, 8, channels))
    return layer


def test_the_nearest_of_127_steps_each_way_for_each_output_channel():
    layer = convolution(4, 3)
    kernel = np.array(layer.kernel)
    steps = (kernel + rounding_error(layer)) / (np.abs(kernel).max(axis=(0, 1, 2)) / 127)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    assert np.abs(steps).max() < 127.001
    assert np.abs(rounding_error(layer)).max() <= np.abs(kernel).max() / 254 + 1e-6


def test_weights_make_up_for_one_anothers_errors():
    rng = np.random.default_rng(0)
    inputs = rng.uniform(0, 1, (500, 4)) @ rng.uniform(0, 1, (4, 40))  # few causes, many channels
    layer = convolution(40, 1)
    nearest = rounding_error(layer)
    together = rounding_error(layer, inputs.T @ inputs / len(inputs))
    kernel = np.array(layer.kernel)
    scale = np.abs(kernel).max(axis=(0, 1, 2)) / 127
    rounded = kernel + together
    np.testing.assert_allclose(rounded / scale, np.round(rounded / scale), atol=1e-3)
    # The converter takes the scale from the largest weight, so that must not change.
    np.testing.assert_allclose(np.abs(rounded).max(axis=(0, 1, 2)), scale * 127, rtol=1e-5)
    assert np.std(inputs @ together[0, 0]) < 0.5 * np.std(inputs @ nearest[0, 0])


def test_inputs_that_are_always_zero_do_no_harm():
    assert np.isfinite(rounding_error(convolution(4, 1), np.zeros((4, 4), np.float32))).all()
