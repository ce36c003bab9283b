import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd.config import SSD300_VOC, FeatureMap, SSDConfig
from keras_ssd.losses import HardNegativeCrossentropy, SmoothL1
from keras_ssd.models import (
    SSD,
    SSD300,
    SSD512,
    SSDMobileNet320,
    SSDResNet300,
    SSDTiny128,
    backbones,
)
from keras_ssd.models.backbone_parts import xavier
from keras_ssd.models.layers import FlattenPredictions

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="JAX takes minutes to build the big models"
)

TWO_MAPS = SSDConfig(
    "two maps",
    16,
    (
        FeatureMap(4, 0.25, ((0.2, 0.2), (0.3, 0.3))),
        FeatureMap(2, 0.5, ((0.5, 0.5), (0.6, 0.6), (0.4, 0.7))),
    ),
    variances=(0.2, 0.2, 0.4, 0.4),
    clip="sizes",
)
N = 4 * 4 * 2 + 2 * 2 * 3


def two_maps_backbone():
    """A backbone as a user would write it."""
    images = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 4, strides=4, activation="relu", name="stem")(images)
    y = keras.layers.AveragePooling2D(2)(x)
    return keras.Model(images, [x, y], name="mine")


def two_maps_ssd(num_classes=2):
    return SSD.from_backbone(two_maps_backbone(), TWO_MAPS, num_classes)


def to_numpy(outputs):
    return keras.tree.map_structure(ops.convert_to_numpy, outputs)


def pixels(size, batch=2):
    return np.random.default_rng(0).uniform(0, 255, (batch, size, size, 3)).astype(np.float32)


# docs/ssd_facts.md section 1.5; there the classes count the background
@tensorflow_only
@pytest.mark.parametrize(
    ("build", "num_classes", "count"),
    [
        (SSD300, 20, 26_285_486),
        (SSD300, 80, 34_305_206),
        (SSD300, 90, 35_641_826),
        (SSD512, 20, 27_188_676),
        (SSD512, 80, 36_038_196),
        (SSD512, 90, 37_513_116),
    ],
)
def test_the_paper_s_models_have_its_parameters(build, num_classes, count):
    model = build(num_classes)
    assert model.count_params() == count
    assert len(model.weights) == {"ssd300": 71, "ssd512": 79}[model.name]


@tensorflow_only
@pytest.mark.parametrize(
    ("build", "size", "num_default_boxes"),
    [
        (SSD300, 300, 8732),
        (SSD512, 512, 24564),
        (SSDResNet300, 300, 8732),
        (SSDMobileNet320, 320, 2034),
    ],
)
def test_models_predict_for_every_default_box(build, size, num_default_boxes):
    model = build(7)
    assert model.input.shape == (None, size, size, 3)
    assert model.output["offsets"].shape == (None, num_default_boxes, 4)
    assert model.output["classes"].shape == (None, num_default_boxes, 8)
    outputs = model(pixels(size, batch=1))
    assert outputs["offsets"].shape == (1, num_default_boxes, 4)
    assert outputs["classes"].shape == (1, num_default_boxes, 8)


def test_the_tiny_model_predicts_for_1360_default_boxes():
    outputs = SSDTiny128(3).predict(pixels(128), verbose=0)
    assert outputs["offsets"].shape == (2, 1360, 4)
    assert outputs["classes"].shape == (2, 1360, 4)


@tensorflow_only
def test_the_heads_of_mobilenet_take_tensorflow_s_weights():
    model = SSDMobileNet320(20)
    maps = zip((576, 1280, 512, 256, 256, 128), (3, 6, 6, 6, 6, 6), strict=True)
    for number, (channels, boxes) in enumerate(maps, start=1):
        for name, values in (("offsets", 4), ("classes", 21)):
            depthwise = model.get_layer(f"head{number}_{name}_depthwise")
            assert [tuple(w.shape) for w in depthwise.weights] == [(3, 3, channels, 1)]
            normalization = model.get_layer(f"head{number}_{name}_depthwise_bn")
            assert [tuple(w.shape) for w in normalization.weights] == [(channels,)] * 4
            assert normalization.epsilon == 1e-3
            pointwise = model.get_layer(f"head{number}_{name}")
            assert [tuple(w.shape) for w in pointwise.weights] == [
                (1, 1, channels, values * boxes),
                (values * boxes,),
            ]


@tensorflow_only
def test_alpha_narrows_mobilenet():
    narrow, wide = SSDMobileNet320(3, alpha=0.35), SSDMobileNet320(3)
    assert narrow.get_layer("Conv1").filters < wide.get_layer("Conv1").filters
    assert narrow.output["offsets"].shape == wide.output["offsets"].shape


def test_outputs_are_in_the_order_of_the_default_boxes():
    # With kernels of zero every output is its bias, which here tells map and channel.
    model = two_maps_ssd(num_classes=2)
    for number in (1, 2):
        for name, scale in (("offsets", 1), ("classes", -1)):
            kernel, bias = model.get_layer(f"head{number}_{name}").get_weights()
            channels = np.arange(len(bias), dtype=np.float32)
            bias = scale * (100 * number + channels)
            model.get_layer(f"head{number}_{name}").set_weights([0 * kernel, bias])
    outputs = to_numpy(model(pixels(16)))
    offsets, classes = [], []
    for number, cells, boxes in ((1, 16, 2), (2, 4, 3)):
        for _ in range(cells):
            for box in range(boxes):
                offsets.append([100 * number + 4 * box + i for i in range(4)])
                classes.append([-(100 * number + 3 * box + i) for i in range(3)])
    np.testing.assert_array_equal(outputs["offsets"], [offsets] * 2)
    np.testing.assert_array_equal(outputs["classes"], [classes] * 2)


def test_a_prediction_comes_from_the_cell_that_its_default_box_is_centered_on():
    model = two_maps_ssd()
    one_pixel = np.zeros((1, 16, 16, 3), np.float32)
    one_pixel[0, 1, 14] = 255  # first row, last column of the 4x4 map
    stem, bias = model.get_layer("stem").get_weights()
    model.get_layer("stem").set_weights([np.ones_like(stem), bias])
    kernel, bias = model.get_layer("head1_offsets").get_weights()
    only_center = np.zeros_like(kernel)
    only_center[1, 1] = 1
    model.get_layer("head1_offsets").set_weights([only_center, bias])
    offsets = to_numpy(model(one_pixel))["offsets"][0, : 4 * 4 * 2]
    np.testing.assert_array_equal(np.nonzero(offsets.any(axis=-1))[0], [6, 7])


def test_new_heads_start_with_caffe_s_xavier_and_zero_bias():
    head = two_maps_ssd().get_layer("head2_classes")
    assert head.kernel_initializer.get_config() == xavier().get_config()
    np.testing.assert_array_equal(ops.convert_to_numpy(head.bias), np.zeros(9))
    kernel = ops.convert_to_numpy(xavier()((3, 3, 128, 84)))
    limit = np.sqrt(3 / (3 * 3 * 128))
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert abs(kernel.var() / (limit**2 / 3) - 1) < 0.02


@pytest.mark.parametrize("num_classes", [0, -1])
def test_a_model_without_foreground_classes_is_refused(num_classes):
    with pytest.raises(ValueError, match=f"num_classes: expected 1 or more.*not {num_classes}"):
        two_maps_ssd(num_classes)


def test_a_backbone_with_other_maps_is_refused_by_name():
    with pytest.raises(ValueError, match=r"(?s)'mine'.*\(4, 4\), \(2, 2\).*'SSD300 VOC'.*\(38, 38"):
        SSD.from_backbone(two_maps_backbone(), SSD300_VOC, 20)


def test_a_backbone_with_too_few_maps_is_refused():
    backbone = two_maps_backbone()
    first_only = keras.Model(backbone.input, [backbone.outputs[0]], name="first_only")
    with pytest.raises(ValueError, match=r"'first_only'.*'two maps'"):
        SSD.from_backbone(first_only, TWO_MAPS, 2)


def test_layers_of_the_backbone_are_layers_of_the_model():
    backbone = two_maps_backbone()
    model = SSD.from_backbone(backbone, TWO_MAPS, 2)
    assert model.get_layer("stem") is backbone.get_layer("stem")


def test_separable_heads_work_on_any_backbone():
    model = SSD.from_backbone(two_maps_backbone(), TWO_MAPS, 2, separable_heads=True)
    assert model.get_layer("head2_classes").kernel.shape == (1, 1, 4, 9)
    assert to_numpy(model(pixels(16)))["classes"].shape == (2, N, 3)


def test_a_frozen_layer_keeps_its_weights_while_the_others_train():
    model = two_maps_ssd()
    model.get_layer("stem").trainable = False
    model.compile("sgd", loss={"offsets": SmoothL1(), "classes": HardNegativeCrossentropy()})
    targets = {
        "offsets": np.ones((2, N, 5), np.float32),
        "classes": np.ones((2, N), np.int32),
    }
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    model.train_on_batch(pixels(16) / 255, targets)
    assert set(before) == {"stem"} | {
        f"head{number}_{name}" for number in (1, 2) for name in ("offsets", "classes")
    }
    for name, weights in before.items():
        after = model.get_layer(name).get_weights()
        unchanged = all(np.array_equal(*pair) for pair in zip(weights, after, strict=True))
        assert unchanged == (name == "stem")


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
def test_weights_are_loaded_from_a_file(tmp_path, suffix):
    saved = two_maps_ssd()
    path = tmp_path / f"model{suffix}"
    saved.save_weights(path) if suffix == ".weights.h5" else saved.save(path)
    loaded = SSD.from_backbone(two_maps_backbone(), TWO_MAPS, 2, weights=path)
    for a, b in zip(saved.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
@pytest.mark.parametrize("case", ["missing", "text", "other classes"])
def test_weights_that_do_not_fit_are_refused_by_name(tmp_path, case):
    path = tmp_path / "model.weights.h5"
    if case == "text":
        path.write_text("no weights")
    if case == "other classes":
        two_maps_ssd(num_classes=5).save_weights(path)
    with pytest.raises(ValueError, match=r"model\.weights\.h5 does not fit model 'ssd'"):
        SSD.from_backbone(two_maps_backbone(), TWO_MAPS, 2, weights=path)


def test_the_configuration_is_found_in_a_reloaded_model(tmp_path):
    model = two_maps_ssd()
    assert model.config == TWO_MAPS
    model.save(tmp_path / "model.keras")
    assert keras.saving.load_model(tmp_path / "model.keras").config == TWO_MAPS


def test_outputs_and_pixels_stay_float32_under_mixed_bfloat16():
    float32_model = two_maps_ssd()
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        tiny, model = backbones.tiny(128), two_maps_ssd()
    finally:
        keras.config.set_dtype_policy(policy)
    assert tiny.get_layer("normalize").compute_dtype == "float32"
    assert tiny.get_layer("conv1_1").compute_dtype == "bfloat16"
    assert model.get_layer("head1_classes").compute_dtype == "bfloat16"
    assert isinstance(model.get_layer("offsets"), FlattenPredictions)
    model.set_weights(float32_model.get_weights())
    x = pixels(16) / 255
    for key, expected in to_numpy(float32_model(x)).items():
        output = model(x)[key]
        assert keras.backend.standardize_dtype(output.dtype) == "float32"
        difference = np.abs(ops.convert_to_numpy(output) - expected).max()
        assert 0 < difference < 0.05 * np.abs(expected).max()
