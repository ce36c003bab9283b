"""Quantization-aware training of small SSDs, judged by their int8 files."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_ssd import SSD, Detector, SSDTiny128, load_detector
from keras_ssd.config import FeatureMap, SSDConfig
from keras_ssd.formats.litert import quantization_aware
from keras_ssd.formats.litert.quantization_aware import round_as_int8, train_quantization_aware
from keras_ssd.formats.litert.write import export_litert


def drawn(count, size, seed=0):
    """Images of 64 squares, each with a colour of its own."""
    small = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), np.uint8)
    return list(small.repeat(size // 8, axis=1).repeat(size // 8, axis=2))


def biased_ssd():
    """An SSD without batch norms whose two maps come from one shared convolution."""
    images = keras.Input((32, 32, 3))
    x = layers.Conv2D(8, 3, strides=4, padding="same", activation="relu")(images / 255)
    shared = layers.Conv2D(8, 3, padding="same", activation="relu", name="shared")
    fine = shared(x)
    coarse = shared(layers.MaxPooling2D(2)(fine))
    maps = tuple(
        FeatureMap(grid=grid, step=1 / grid, box_sizes=((size, size),))
        for grid, size in ((8, 0.2), (4, 0.4))
    )
    config = SSDConfig(name="biased", image_size=32, feature_maps=maps)
    return SSD.from_backbone(keras.Model(images, [fine, coarse]), config, 2)


def as_if_trained(ssd, images):
    """Gives an SSD what random weights lack: channels of unlike sizes, and heads that decide."""
    rng = np.random.default_rng(0)
    for weight in ssd.weights:
        if weight.name == "gamma":
            weight.assign(rng.lognormal(0, 1, weight.shape))
        elif weight.name in ("beta", "bias"):
            weight.assign(rng.normal(0, 0.5, weight.shape))
    raw = ssd(images.astype(np.float32))
    for layer in ssd.layers:
        for name, outputs in raw.items():
            if layer.name.startswith("head") and layer.name.endswith(name):
                layer.kernel.assign(layer.kernel * (2 / np.std(outputs)))


@pytest.fixture(scope="module", params=[lambda: SSDTiny128(2), biased_ssd])
def ssd_and_images(request):
    keras.utils.set_random_seed(0)
    ssd = request.param()
    images = drawn(16, ssd.config.image_size)
    as_if_trained(ssd, np.stack(images))
    return ssd, images


def flat(outputs):
    return np.concatenate([np.ravel(outputs[name]) for name in ("offsets", "classes")])


def test_its_errors_are_those_of_the_int8_file(ssd_and_images, tmp_path):
    ssd, images = ssd_and_images
    file = export_litert(
        Detector(ssd, ("a", "b")),
        tmp_path / "d.tflite",
        quantize="int8",
        calibration_images=images,
    )
    others = np.stack(drawn(8, ssd.config.image_size, seed=1))
    exact = flat(ssd(others.astype(np.float32)))
    _, rounded = round_as_int8(ssd, images)
    ours = flat(rounded(others.astype(np.float32))) - exact
    theirs = flat(load_detector(file).raw_outputs(others)) - exact
    assert np.corrcoef(ours, theirs)[0, 1] > 0.6


def test_training_undoes_what_coarse_weights_do(ssd_and_images, monkeypatch):
    def to_3_bits(kernel, means):
        scale = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True) / 3
        return np.round(kernel / scale) * scale, np.zeros(len(kernel))

    monkeypatch.setattr(quantization_aware, "round_weights", to_3_bits)
    monkeypatch.setattr(quantization_aware, "LEARNING_RATE", 1e-2)
    ssd, images = ssd_and_images
    others = np.stack(drawn(8, ssd.config.image_size, seed=1)).astype(np.float32)
    errors = [
        np.std(flat(train_quantization_aware(ssd, images, steps)(others)) - flat(ssd(others)))
        for steps in (1, 100)
    ]
    assert errors[1] < 0.8 * errors[0]


def test_the_ssd_is_not_changed_and_its_copy_has_rounded_weights(ssd_and_images):
    ssd, images = ssd_and_images
    weights = ssd.get_weights()
    copy = train_quantization_aware(ssd, images, steps=2)
    for before, now in zip(weights, ssd.get_weights(), strict=True):
        np.testing.assert_array_equal(now, before)
    for ours, theirs in zip(ssd.weights, copy.weights, strict=True):
        if ours.name == "kernel":
            kernel, rounded = np.asarray(ours), np.asarray(theirs)
            axes = (0, 1, 3) if "depthwise" in ours.path else (0, 1, 2)
            step = np.abs(kernel).max(axis=axes, keepdims=True) / 127
            np.testing.assert_allclose(rounded / step, np.round(kernel / step), atol=1e-3)
        elif ours.name in ("gamma", "beta", "bias"):
            assert not np.array_equal(ours, theirs), ours.path


def test_it_is_the_same_each_time(ssd_and_images):
    ssd, images = ssd_and_images
    first, second = (train_quantization_aware(ssd, images, steps=2) for _ in range(2))
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_frozen_layers_are_trained_too(ssd_and_images):
    ssd, images = ssd_and_images
    for layer in ssd.layers:
        layer.trainable = False
    copy = train_quantization_aware(ssd, images, steps=2)
    assert copy.trainable_variables
    assert not ssd.trainable_variables
    for layer in ssd.layers:
        layer.trainable = True
