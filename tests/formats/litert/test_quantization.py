"""What int8 makes of small float32 files, read back from the file and run by the runtime."""

import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import layers, ops

from keras_ssd.formats.litert import graph as litert_graph
from keras_ssd.formats.litert.quantization import to_int8
from keras_ssd.models.layers import DilatedConv2D

RNG = np.random.default_rng(0)
# The channels of each image have one value, so that all positions of a convolution see the mean.
PLAIN = [np.tile(RNG.integers(0, 256, 4, np.uint8), (8, 8, 1)) for _ in range(5)]
MEAN = np.mean(PLAIN, axis=(0, 1, 2))


def convert(*layers_in_turn, size=8, channels=4):
    """The float32 file of layers, from an image."""
    keras.utils.set_random_seed(0)
    images = x = keras.Input((size, size, channels))
    for layer in layers_in_turn:
        x = layer(x)
    archive = keras.export.ExportArchive()
    archive.track(model := keras.Model(images, x))
    shape = tf.TensorSpec((1, size, size, channels), tf.float32, name="images")
    archive.add_endpoint("serve", lambda image: model(image, training=False), [shape])
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


def run(content, image):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (given,), (found,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(given["index"], image[None].astype(given["dtype"]))
    interpreter.invoke()
    return interpreter.get_tensor(found["index"])[0]


def real_values(model, index):
    """A constant, as numbers; one of int8 or int32 by its scales along the axis that has them."""
    (graph,) = model.subgraphs
    tensor = graph.tensors[index]
    dtype = {0: np.float32, 2: np.int32, 9: np.int8}[tensor.type]
    values = np.frombuffer(model.buffers[tensor.buffer].data, dtype).reshape(tensor.shape)
    if dtype is np.float32:
        return values
    shape = np.ones(values.ndim, int)
    shape[tensor.quantization.quantizedDimension] = -1
    return values * np.reshape(tensor.quantization.scale, shape).astype(np.float64)


def kernel_and_bias(content):
    """Those of the one convolution, the kernel as (outputs, height, width, inputs)."""
    model = litert_graph.read(content)
    depthwise = litert_graph.operators(model, "DEPTHWISE_CONV_2D")
    (operator,) = [*litert_graph.operators(model, "CONV_2D"), *depthwise]
    kernel, bias = (real_values(model, index) for index in operator.inputs[1:3])
    return kernel.transpose(3, 1, 2, 0) if depthwise else kernel, bias


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (layers.Conv2D(6, 1), [[0, 1, 2, 3]] * 6),
        (layers.Conv2D(6, 3, strides=2), [[0, 1, 2, 3]] * 6),
        (DilatedConv2D(6, 3, dilation_rate=2, padding="valid"), [[0, 1, 2, 3]] * 6),
        (layers.Conv2D(6, 3, groups=2), [[0, 1]] * 3 + [[2, 3]] * 3),
        (layers.DepthwiseConv2D(3), [[0], [1], [2], [3]]),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), [[c] for c in range(4) for _ in range(2)]),
    ],
)
def test_each_channel_keeps_its_mean(layer, inputs):
    content = convert(layer)
    kernel, bias = kernel_and_bias(content)
    rounded, corrected = kernel_and_bias(to_int8(content, PLAIN))
    means = np.array([MEAN[read] for read in inputs])  # of what each output channel reads
    expected = np.einsum("ohwi,oi->o", kernel, means) + bias
    uncorrected = np.einsum("ohwi,oi->o", rounded, means) + bias
    assert np.abs(uncorrected - expected).max() > 0.02
    np.testing.assert_allclose(uncorrected - bias + corrected, expected, atol=4e-3)  # half a step


def test_weights_have_a_scale_for_each_channel():
    content = convert(layers.Conv2D(6, 3))
    (kernel, _), (rounded, _) = kernel_and_bias(content), kernel_and_bias(to_int8(content, PLAIN))
    step = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True) / 127
    assert (np.abs(rounded - kernel) < 0.501 * step).all()


def test_a_channel_without_weights_keeps_its_bias():
    convolution = layers.Conv2D(3, 1, bias_initializer=keras.initializers.Constant(40.0))
    convolution.build((None, 8, 8, 4))
    convolution.kernel.assign(convolution.kernel * np.array([1.0, 0.0, 1e-9], np.float32))
    content = convert(convolution)
    found = run(to_int8(content, PLAIN), PLAIN[0])
    np.testing.assert_allclose(found[..., 1:], 40.0, atol=1.0)
    np.testing.assert_allclose(found, run(content, PLAIN[0]), atol=1.5)


def test_convolutions_that_share_a_bias_are_corrected_apart():
    content = convert(layers.Conv2D(4, 1, use_bias=False), layers.Conv2D(4, 3, use_bias=False))
    biases = [
        operator.inputs[2]
        for operator in litert_graph.operators(litert_graph.read(content), "CONV_2D")
    ]
    assert len(set(biases)) == 1
    model = litert_graph.read(to_int8(content, PLAIN))
    first, second = litert_graph.operators(model, "CONV_2D")
    assert not np.allclose(real_values(model, first.inputs[2]), 0)
    ours, theirs = (
        np.mean([run(file, image) for image in PLAIN], axis=(0, 1, 2))
        for file in (content, to_int8(content, PLAIN))
    )
    np.testing.assert_allclose(theirs, ours, atol=0.02 * np.abs(ours).max())
    assert first.inputs[2] != second.inputs[2]


def output_step(content):
    interpreter = Interpreter(model_content=content)
    (scale,) = [
        detail["quantization_parameters"]["scales"][0]
        for detail in interpreter.get_tensor_details()
        if tuple(detail["shape"]) == (1, 8, 8, 2) and detail["dtype"] == np.int8
    ]
    return scale


def test_ranges_leave_out_a_fifth_of_the_images():
    convolution = layers.Conv2D(2, 1, kernel_initializer="ones")
    images = [np.full((8, 8, 4), value, np.uint8) for value in (10, 10, 10, 10, 200, 10)]
    content = to_int8(convert(convolution), images)
    assert output_step(content) == pytest.approx(40 / 255, rel=1e-3)


def test_padding_with_minus_infinity_does_no_harm():
    def pool(x):
        x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-np.inf)
        return ops.max_pool(x, 3, strides=1)

    images = [RNG.integers(0, 256, (8, 8, 4), np.uint8) for _ in range(4)]
    content = convert(layers.Conv2D(4, 1), pool)
    ours, theirs = run(content, images[0]), run(to_int8(content, images), images[0])
    np.testing.assert_allclose(theirs, ours, atol=0.03 * np.abs(ours).max())


def test_hard_swish_stays_float32_between_int8_convolutions():
    content = convert(
        layers.Conv2D(4, 1), layers.Activation("hard_swish"), layers.Conv2D(4, 1, use_bias=False)
    )
    images = [RNG.integers(0, 256, (8, 8, 4), np.uint8) for _ in range(4)]
    quantized = to_int8(content, images)
    model = litert_graph.read(quantized)
    (graph,) = model.subgraphs
    types = {
        name: {
            graph.tensors[operator.outputs[0]].type
            for operator in litert_graph.operators(model, name)
        }
        for name in ("HARD_SWISH", "CONV_2D")
    }
    schema = litert_graph.schema().TensorType
    assert types == {"HARD_SWISH": {schema.FLOAT32}, "CONV_2D": {schema.INT8}}
    ours, theirs = run(content, images[0]), run(quantized, images[0])
    np.testing.assert_allclose(theirs, ours, atol=0.03 * np.abs(ours).max())


def test_nothing_is_printed(capsys):
    to_int8(convert(layers.Conv2D(2, 1)), PLAIN)
    assert capsys.readouterr() == ("", "")
