"""The backbones that `keras.applications` has, with its weights."""

import keras
import numpy as np
import pytest

from keras_ssd.models import backbones

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX takes minutes to build the big models"
)


@pytest.fixture(scope="module")
def mobilenet():
    return backbones.mobilenet_v2(320)


def map_shapes(model):
    return [tuple(output.shape[1:]) for output in model.outputs]


def test_mobilenet_v2_has_the_maps_of_tensorflows_ssdlite(mobilenet):
    assert map_shapes(mobilenet) == [
        (20, 20, 576),
        (10, 10, 1280),
        (5, 5, 512),
        (3, 3, 256),
        (2, 2, 256),
        (1, 1, 128),
    ]


@pytest.mark.parametrize(
    ("extra", "reduce", "depthwise", "expand"),
    [
        ("extra1", (1, 1, 1280, 256), (3, 3, 256, 1), (1, 1, 256, 512)),
        ("extra2", (1, 1, 512, 128), (3, 3, 128, 1), (1, 1, 128, 256)),
        ("extra3", (1, 1, 256, 128), (3, 3, 128, 1), (1, 1, 128, 256)),
        ("extra4", (1, 1, 256, 64), (3, 3, 64, 1), (1, 1, 64, 128)),
    ],
)
def test_mobilenet_extras_take_tensorflows_weights(mobilenet, extra, reduce, depthwise, expand):
    for name, shape in (("reduce", reduce), ("depthwise", depthwise), ("expand", expand)):
        layer = mobilenet.get_layer(f"{extra}_{name}")
        assert [tuple(weight.shape) for weight in layer.weights] == [shape]
        normalization = mobilenet.get_layer(f"{extra}_{name}_bn")
        channels = shape[2] if name == "depthwise" else shape[3]
        assert [tuple(weight.shape) for weight in normalization.weights] == [(channels,)] * 4
        assert normalization.epsilon == 1e-3
        assert mobilenet.get_layer(f"{extra}_{name}_relu").max_value == 6


def test_mobilenet_v2_takes_weights_of_the_keras_application(tmp_path, mobilenet):
    application = keras.applications.MobileNetV2(
        input_shape=(320, 320, 3), include_top=False, weights=None
    )
    path = tmp_path / "mobilenet_v2.weights.h5"
    application.save_weights(path)
    model = backbones.mobilenet_v2(320, weights=str(path))
    assert len(application.get_weights()) == 260
    for layer in application.layers[1:]:
        for saved, loaded in zip(layer.weights, model.get_layer(layer.name).weights, strict=True):
            np.testing.assert_array_equal(loaded.numpy(), saved.numpy())
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 320, 320, 3)).astype(np.float32)
    expected = application(keras.applications.mobilenet_v2.preprocess_input(pixels.copy()))
    np.testing.assert_allclose(model(pixels)[1], expected, atol=1e-3 * np.max(expected))


def test_the_feature_pyramid_of_mobilenet_v2_has_tensorflows_maps_up_to_stride_64():
    model = backbones.mobilenet_v2_fpn(320)
    assert map_shapes(model) == [(40, 40, 128), (20, 20, 128), (10, 10, 128), (5, 5, 128)]
    with pytest.raises(ValueError, match="image_size must be a multiple of 32, not 300"):
        backbones.mobilenet_v2_fpn(300)


def test_mobilenet_v3_large_with_weights_sees_what_the_keras_application_sees(tmp_path):
    application = keras.applications.MobileNetV3Large(
        input_shape=(320, 320, 3), include_top=False, weights=None
    )
    path = tmp_path / "mobilenet_v3_large.weights.h5"
    application.save_weights(path)
    model = backbones.mobilenet_v3_large(320, weights=str(path))
    assert map_shapes(model) == [  # those of torchvision's ssdlite320_mobilenet_v3_large
        (20, 20, 672),
        (10, 10, 960),
        (5, 5, 512),
        (3, 3, 256),
        (2, 2, 256),
        (1, 1, 128),
    ]
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 320, 320, 3)).astype(np.float32)
    expected = application(pixels)  # which normalizes the pixels itself
    np.testing.assert_allclose(model(pixels)[1], expected, atol=1e-3 * np.max(expected))


def test_resnet50_with_weights_sees_what_the_keras_application_sees(tmp_path):
    application = keras.applications.ResNet50(
        input_shape=(300, 300, 3), include_top=False, weights=None
    )
    path = tmp_path / "resnet50.weights.h5"
    application.save_weights(path)
    model = backbones.resnet50(300, weights=str(path))
    assert map_shapes(model) == [
        (38, 38, 512),
        (19, 19, 1024),
        (10, 10, 2048),
        (5, 5, 256),
        (3, 3, 256),
        (1, 1, 256),
    ]
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 300, 300, 3)).astype(np.float32)
    expected = application(keras.applications.resnet50.preprocess_input(pixels.copy()))
    np.testing.assert_allclose(model(pixels)[2], expected, atol=1e-3 * np.max(expected))
