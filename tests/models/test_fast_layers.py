import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd.models.fast_layers import (
    FAST_LAYERS,
    DilatedConv2D,
    FastDepthwiseConv2D,
    FastReLU,
    FusedBatchNormalization,
)
from keras_ssd.models.precision import with_dtype

only_tensorflow = pytest.mark.skipif(
    keras.config.backend() != "tensorflow", reason="the gradient is taken by TensorFlow's tape"
)
NEAR = {"float32": 1e-5, "mixed_bfloat16": 2e-2}  # bfloat16 has 8 significant bits


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def trained(layer, images, start, compiled=True):
    """Returns a layer's output in training, the gradients of input and weights, and its weights."""
    import tensorflow as tf

    layer.build(images.shape)
    layer.set_weights(start)
    weights = [weight.value for weight in layer.trainable_weights]

    def both(x):
        with tf.GradientTape() as tape:
            tape.watch([x, *weights])
            outputs = tf.cast(layer(x, training=True), "float32")
            factors = tf.constant(random(*outputs.shape, seed=9))
            loss = tf.reduce_sum(outputs * factors)
        return [outputs, *tape.gradient(loss, [x, *weights])]

    both = tf.function(both) if compiled else both
    values = both(tf.cast(images, layer.compute_dtype))
    return [np.asarray(tf.cast(value, "float32")) for value in values] + layer.get_weights()


def assert_alike(layer, keras_layer, images, start=(), compiled=True):
    near = NEAR[layer.dtype_policy.name]
    results = (trained(kind, images, start, compiled) for kind in (layer, keras_layer))
    for actual, expected in zip(*results, strict=True):
        scale = np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=near, atol=near * scale)


def test_a_batch_norm_that_trained_on_several_devices_loads_on_every_backend():
    layer = FusedBatchNormalization()
    layer.synchronized = True  # as `call` sets it under `tf.distribute`
    assert FusedBatchNormalization.from_config(layer.get_config()).synchronized is False


@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (1, 1, 1, 3)])
def test_batch_normalization_trains_as_keras_own(shape):
    images, weights = 3 + 2 * random(*shape), random(*shape, seed=1)
    results = []
    for kind in (keras.layers.BatchNormalization, FusedBatchNormalization):
        layer = kind(epsilon=1e-3, momentum=0.9)
        model = keras.Sequential([keras.Input(shape[1:]), layer])
        layer.gamma.assign([0.5, 1.0, 2.0])
        layer.beta.assign([1.0, 0.0, -1.0])
        model.compile(keras.optimizers.SGD(0.1), loss=lambda y, x: ops.sum(x * y))
        model.fit(images, weights, batch_size=len(images), verbose=0)
        trained = layer.get_weights()
        results.append([*trained, model.predict(images, verbose=0)])
    assert not np.allclose(results[0][2], 0)  # the moving mean has moved
    for expected, actual in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "options",
    [
        {"dilation_rate": 6},
        {"dilation_rate": (2, 3), "use_bias": False},
        {"dilation_rate": 2, "kernel_size": (2, 4)},
        {"dilation_rate": 2, "padding": "valid"},
    ],
)
def test_dilated_convolution_trains_as_keras_own(options):
    options = {"kernel_size": 3, "padding": "same", "activation": "relu", **options}
    images = random(2, 8, 9, 3)
    start = [random(*np.ravel([options["kernel_size"]] * 2)[:2], 3, 4, seed=1)]
    if options.get("use_bias", True):
        start.append(random(4, seed=2))
    results = []
    for kind in (keras.layers.Conv2D, DilatedConv2D):
        layer = kind(4, **options)
        model = keras.Sequential([keras.Input(images.shape[1:]), layer])
        layer.set_weights(start)
        model.compile(keras.optimizers.SGD(0.1), loss=lambda y, x: ops.sum(ops.square(x)) / 100)
        targets = np.zeros(layer.output.shape[1:])[None].repeat(2, axis=0)
        loss = model.fit(images, targets, verbose=0).history["loss"]
        results.append([loss, *layer.get_weights(), model.predict(images, verbose=0)])
    assert not np.allclose(results[0][1], start[0])
    for expected, actual in zip(*results, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@only_tensorflow
@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("dtype", NEAR)
def test_batch_normalization_has_the_gradients_of_keras_own(dtype, trainable):
    images = 3 + 2 * random(4, 5, 6, 3)
    start = [
        np.array(values, np.float32) for values in ([0.5, 1, 2], [1, 0, -1], [3, 2.5, 4], [4, 3, 5])
    ]  # gamma, beta, mean, variance
    layers = [
        kind(epsilon=1e-3, momentum=0.9, dtype=dtype)
        for kind in (FusedBatchNormalization, keras.layers.BatchNormalization)
    ]
    for layer in layers:
        layer.trainable = trainable
    assert_alike(*layers, images, start)


@only_tensorflow
def test_frozen_batch_normalization_neither_moves_nor_passes_a_gradient_to_its_weights():
    layer = FusedBatchNormalization()
    layer.build((None, 4, 4, 3))
    layer.trainable = False
    before = [weight.copy() for weight in layer.get_weights()]
    layer(5 + random(2, 4, 4, 3), training=True)
    for now, then in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@only_tensorflow
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("dtype", NEAR)
def test_relu6_trains_as_keras_own(dtype, compiled):
    images = 6 * random(3, 4, 5, 2)
    images[0, 0] = [[0, 6], [-0.0, 6.03125], [5.96875, -1e-30], [100, -100], [1e-30, 3]]
    layer, keras_layer = FastReLU(6.0, dtype=dtype), keras.layers.ReLU(6.0, dtype=dtype)
    results = [trained(kind, images, (), compiled) for kind in (layer, keras_layer)]
    for actual, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(actual, expected)


@only_tensorflow
def test_relu6_in_bfloat16_passes_on_nan_so_that_a_broken_run_is_noticed():
    outputs = FastReLU(6.0, dtype="mixed_bfloat16")(np.array([[np.nan, 1.0]]), training=True)
    assert np.isnan(np.asarray(ops.cast(outputs, "float32"))).tolist() == [[True, False]]


@only_tensorflow
@pytest.mark.parametrize(
    "options",
    [
        {"max_value": None},
        {"max_value": 3.0},
        {"threshold": 1.0},
        {"max_value": 6.0, "negative_slope": 0.1},
    ],
)
def test_other_relus_are_keras_own(options):
    images = 6 * random(3, 4, 5, 2)
    options = {**options, "dtype": "mixed_bfloat16"}
    assert_alike(FastReLU(**options), keras.layers.ReLU(**options), images)


@only_tensorflow
@pytest.mark.parametrize(
    "options",
    [
        {"strides": 2, "padding": "same", "use_bias": False},
        {"strides": 2, "padding": "valid"},
        {"strides": 1, "padding": "same", "activation": "relu"},
        {"strides": 2, "padding": "same", "depth_multiplier": 2},
    ],
)
@pytest.mark.parametrize("dtype", NEAR)
def test_depthwise_convolution_trains_as_keras_own(options, dtype):
    images = random(2, 7, 8, 3)
    multiplier = options.get("depth_multiplier", 1)
    start = [random(3, 3, 3, multiplier, seed=1)]
    if options.get("use_bias", True):
        start.append(random(3 * multiplier, seed=2))
    kinds = FastDepthwiseConv2D, keras.layers.DepthwiseConv2D
    assert_alike(*(kind(3, dtype=dtype, **options) for kind in kinds), images, start)


def test_the_layers_of_keras_in_an_older_file_become_fast_with_the_dtype(micro_ssd):
    older = micro_ssd()
    kinds = {type(layer) for layer in older.layers}
    assert {keras.layers.BatchNormalization, keras.layers.ReLU} <= kinds
    fast = with_dtype(older, "mixed_bfloat16")
    assert {type(layer) for layer in fast.layers} == {FAST_LAYERS.get(kind, kind) for kind in kinds}
    for now, then in zip(fast.get_weights(), older.get_weights(), strict=True):
        np.testing.assert_array_equal(now, then)
