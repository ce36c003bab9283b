import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd.models import backbones
from keras_ssd.models.backbone_parts import normalized_relu6

# The architecture is the same on every backend, so one of them is enough.
tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX takes minutes to build the big models"
)


@pytest.fixture(scope="module")
def vgg300():
    return backbones.vgg16(300)


@pytest.fixture(scope="module")
def vgg512():
    return backbones.vgg16(512)


@pytest.fixture(scope="module")
def tiny():
    return backbones.tiny(128)


def map_shapes(model):
    return [tuple(output.shape[1:]) for output in model.outputs]


def between(model, first, last, x):
    """Returns the output of layer `last` if `x` is the output of layer `first`."""
    part = keras.Model(model.get_layer(first).output, model.get_layer(last).output)
    return ops.convert_to_numpy(part(np.asarray(x, np.float32)))


def slow_convolution(x, kernel, bias, stride, padding):
    """Cross-correlation of one image (H, W, C) with zeros all round, then ReLU."""
    x = np.pad(x.astype(float), ((padding, padding), (padding, padding), (0, 0)))
    size = kernel.shape[0]
    rows = range(0, x.shape[0] - size + 1, stride)
    columns = range(0, x.shape[1] - size + 1, stride)
    output = [
        [np.tensordot(x[r : r + size, c : c + size], kernel, axes=3) for c in columns] for r in rows
    ]
    return np.maximum(np.array(output) + bias, 0)


@tensorflow_only
def test_vgg16_has_the_maps_of_the_paper(vgg300, vgg512):
    assert map_shapes(vgg300) == [
        (38, 38, 512),
        (19, 19, 1024),
        (10, 10, 512),
        (5, 5, 256),
        (3, 3, 256),
        (1, 1, 256),
    ]
    assert map_shapes(vgg512) == [
        (64, 64, 512),
        (32, 32, 1024),
        (16, 16, 512),
        (8, 8, 256),
        (4, 4, 256),
        (2, 2, 256),
        (1, 1, 256),
    ]


VGG_LAYERS = {
    *("block1_conv1", "block1_conv2", "block2_conv1", "block2_conv2"),
    *("block3_conv1", "block3_conv2", "block3_conv3"),
    *("block4_conv1", "block4_conv2", "block4_conv3", "conv4_3_norm"),
    *("block5_conv1", "block5_conv2", "block5_conv3", "fc6", "fc7"),
    *("conv6_1", "conv6_2", "conv7_1", "conv7_2", "conv8_1", "conv8_2", "conv9_1", "conv9_2"),
}


@tensorflow_only
def test_vgg16_names_its_layers_like_keras_and_caffe(vgg300, vgg512):
    for model, more in ((vgg300, set()), (vgg512, {"conv10_1", "conv10_2"})):
        assert {layer.name for layer in model.layers if layer.weights} == VGG_LAYERS | more


@tensorflow_only
def test_vgg16_has_the_parameters_of_the_paper_in_every_part(vgg300, vgg512):
    # docs/ssd_facts.md section 1.5: 13 convolutions, fc6, fc7, norm, extras
    common = 14_714_688 + 4_719_616 + 1_049_600 + 512
    assert vgg300.count_params() == common + 2_459_520
    assert vgg512.count_params() == common + 3_016_960
    assert vgg300.get_layer("fc6").kernel.shape == (3, 3, 512, 1024)
    assert vgg300.get_layer("fc7").kernel.shape == (1, 1, 1024, 1024)


@tensorflow_only
def test_every_vgg16_convolution_ends_in_relu(vgg300):
    convolutions = [layer for layer in vgg300.layers if isinstance(layer, keras.layers.Conv2D)]
    assert {layer.activation for layer in convolutions} == {keras.activations.relu}


# stride and padding of docs/ssd_facts.md section 1.1
@tensorflow_only
@pytest.mark.parametrize(
    ("size", "number", "stride", "padding"),
    [
        (300, 6, 2, 1),
        (300, 7, 2, 1),  # 10 -> 5: "same" would pad at the end only
        (300, 8, 1, 0),
        (300, 9, 1, 0),
        (512, 6, 2, 1),
        (512, 7, 2, 1),
        (512, 8, 2, 1),
        (512, 9, 2, 1),
        (512, 10, 1, 1),
    ],
)
def test_extra_convolutions_pad_all_round(vgg300, vgg512, size, number, stride, padding):
    model = {300: vgg300, 512: vgg512}[size]
    first, last = model.get_layer(f"conv{number}_1"), model.get_layer(f"conv{number}_2")
    x = np.random.default_rng(number).normal(size=(1, *first.output.shape[1:])).astype(np.float32)
    kernel, bias = last.get_weights()
    expected = slow_convolution(x[0], kernel, bias, stride, padding)
    output = between(model, first.name, last.name, x)[0]
    assert output.max() > 0.1
    np.testing.assert_allclose(output, expected, atol=1e-4)


@tensorflow_only
def test_the_third_pooling_rounds_up(vgg300):
    x = np.arange(75 * 75, dtype=np.float32).reshape(1, 75, 75, 1) - 1e4  # grows; all negative
    output = between(vgg300, "block3_conv3", "block3_pool", np.repeat(x, 256, axis=-1))
    assert output.shape == (1, 38, 38, 256)
    last = np.minimum(2 * np.arange(38) + 1, 74)
    np.testing.assert_array_equal(output[0, :, :, 0], x[0, last][:, last, 0])


@tensorflow_only
def test_the_fifth_pooling_keeps_the_grid(vgg300):
    x = np.arange(19 * 19, dtype=np.float32).reshape(1, 19, 19, 1) - 1e4
    output = between(vgg300, "block5_conv3", "block5_pool", np.repeat(x, 512, axis=-1))
    last = np.minimum(np.arange(19) + 1, 18)
    np.testing.assert_array_equal(output[0, :, :, 0], x[0, last][:, last, 0])


@tensorflow_only
def test_fc6_looks_six_cells_away(vgg300):
    impulse = np.zeros((1, 19, 19, 512), np.float32)
    impulse[0, 9, 10, 0] = 1
    output = between(vgg300, "block5_pool", "fc6", impulse)[0].max(axis=-1)
    assert output.shape == (19, 19)
    rows, columns = np.nonzero(output)
    assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {
        (row, column) for row in (3, 9, 15) for column in (4, 10, 16)
    }


@tensorflow_only
def test_only_the_heads_see_the_normalized_conv4_3(vgg300):
    conv4_3 = vgg300.get_layer("block4_conv3").output
    assert vgg300.get_layer("conv4_3_norm").input is conv4_3
    assert vgg300.get_layer("block4_pool").input is conv4_3
    assert vgg300.outputs[0] is vgg300.get_layer("conv4_3_norm").output


@tensorflow_only
def test_vgg16_of_another_size_is_refused():
    with pytest.raises(ValueError, match="image_size must be 300 or 512, not 400"):
        backbones.vgg16(400)


@tensorflow_only
def test_vgg16_subtracts_the_imagenet_mean_or_the_one_given_from_rgb(vgg300):
    other = backbones.vgg16(300, mean=(1, 2, 3))
    pixels = np.full((1, 300, 300, 3), (11, 12, 13), np.float32)
    np.testing.assert_array_equal(between(other, "images", "normalize", pixels), pixels * 0 + 10)
    mean = np.full((1, 300, 300, 3), (123.68, 116.779, 103.939), np.float32)
    np.testing.assert_allclose(between(vgg300, "images", "normalize", mean), 0, atol=1e-5)
    np.testing.assert_allclose(between(vgg300, "images", "normalize", mean + 1), 1, atol=1e-4)


def test_tiny_scales_pixels_to_minus_one_to_one(tiny):
    x = np.zeros((2, 128, 128, 3), np.float32)
    x[1] = 255
    output = between(tiny, "images", "normalize", x)
    np.testing.assert_array_equal(output[0], np.full((128, 128, 3), -1))
    np.testing.assert_allclose(output[1], 1, atol=1e-6)


def test_tiny_has_four_maps(tiny):
    assert map_shapes(tiny) == [(16, 16, 64), (8, 8, 96), (4, 4, 128), (2, 2, 128)]


def test_normalized_relu6_of_a_fresh_layer_clips_to_0_to_6():
    images = keras.Input((1, 1, 1))
    convolution = keras.layers.Conv2D(1, 1, use_bias=False, name="x", kernel_initializer="ones")
    model = keras.Model(images, normalized_relu6(convolution, images))
    assert [layer.name for layer in model.layers[1:]] == ["x", "x_bn", "x_relu"]
    values = np.array([-1, 0, 3, 100], np.float32).reshape(4, 1, 1, 1)
    expected = np.array([0, 0, 3 / np.sqrt(1 + 1e-3), 6]).reshape(4, 1, 1, 1)
    np.testing.assert_allclose(ops.convert_to_numpy(model(values)), expected, rtol=1e-6)
