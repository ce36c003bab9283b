"""Weights carried over to other classes."""

import keras
import numpy as np
import pytest

from keras_ssd.config import SSD_TINY_128
from keras_ssd.detector import Detector
from keras_ssd.models import (
    SSD,
    SSD300,
    SSDMobileNet320,
    SSDMobileNetFPN320,
    SSDMobileNetV3Large320,
    SSDResNet300,
    SSDTiny128,
    backbones,
)
from keras_ssd.models.transfer import freeze_batch_norm, freeze_up_to

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the names of layers are the same everywhere"
)
IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 128, 128, 3)).astype(np.float32)


def with_classes(detector, class_names):
    """The SSD for other classes, and the names that it carries over."""
    new = detector.with_classes(class_names)
    assert new.class_names == tuple(class_names)
    return new.ssd, list(new.carried_over)


@pytest.fixture(scope="module")
def detector():
    return Detector(SSDTiny128(3), ["cat", "dog", "horse"])


@pytest.fixture(scope="module")
def outputs(detector):
    return detector.ssd.predict(IMAGES, verbose=0)


@pytest.mark.parametrize(
    ("class_names", "kept", "old_columns", "new_columns"),
    [
        (["zebra", "horse", "cat", "cow"], ["horse", "cat"], [0, 3, 1], [0, 2, 3]),
        (["cat", "dog", "horse"], ["cat", "dog", "horse"], [0, 1, 2, 3], [0, 1, 2, 3]),
        (["raccoon"], [], [0], [0]),
    ],
)
def test_background_and_classes_of_the_same_name_predict_what_they_did(
    detector, outputs, class_names, kept, old_columns, new_columns
):
    model, carried_over = with_classes(detector, class_names)
    new = model.predict(IMAGES, verbose=0)
    assert carried_over == kept
    assert new["classes"].shape[-1] == len(class_names) + 1
    np.testing.assert_allclose(new["offsets"], outputs["offsets"], atol=1e-5)
    np.testing.assert_allclose(
        new["classes"][..., new_columns], outputs["classes"][..., old_columns], atol=1e-5
    )


def test_a_backbone_may_hold_operations_and_models():
    images = keras.Input((128, 128, 3))
    inner = keras.Sequential([keras.Input((128, 128, 3)), keras.layers.Conv2D(3, 1)])
    backbone = keras.Model(images, backbones.tiny(128)(inner(images / 255)))
    old = SSD.from_backbone(backbone, SSD_TINY_128, 1)
    model, carried_over = with_classes(Detector(old, ("cat",)), ("cat", "cow"))
    assert carried_over == ["cat"]
    before, after = (ssd.predict(IMAGES, verbose=0)["offsets"] for ssd in (old, model))
    np.testing.assert_allclose(before, after, atol=1e-5)


@pytest.mark.parametrize(
    ("old_names", "class_names", "kept", "old_columns", "new_columns"),
    [
        (
            ["tv", "cat", "motorcycle"],  # COCO's
            ["aeroplane", "motorbike", "tvmonitor", "cat"],  # VOC's
            ["motorbike", "tvmonitor", "cat"],
            [0, 3, 1, 2],
            [0, 2, 3, 4],
        ),
        (["sofa", "cat", "dog"], ["couch"], ["couch"], [0, 1], [0, 1]),
        # a name of its own goes before another for the same thing
        (["sofa", "couch", "cat"], ["couch", "sofa"], ["couch", "sofa"], [0, 2, 1], [0, 1, 2]),
        (["couch", "sofa", "cat"], ["sofa", "couch"], ["sofa", "couch"], [0, 2, 1], [0, 1, 2]),
    ],
)
def test_what_voc_and_coco_call_by_two_names_is_carried_over(
    detector, outputs, old_names, class_names, kept, old_columns, new_columns
):
    renamed = Detector(detector.ssd, old_names)
    model, carried_over = with_classes(renamed, class_names)
    new = model.predict(IMAGES, verbose=0)
    assert carried_over == kept
    np.testing.assert_allclose(
        new["classes"][..., new_columns], outputs["classes"][..., old_columns], atol=1e-5
    )


def test_the_detector_stays_as_it_is(detector, outputs):
    model, _ = with_classes(detector, ["raccoon"])
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    again = detector.ssd.predict(IMAGES, verbose=0)
    np.testing.assert_array_equal(again["classes"], outputs["classes"])


def test_a_detector_can_be_built_on_the_new_model(detector):
    model, _ = with_classes(detector, ["raccoon", "cat"])
    assert Detector(model, ["raccoon", "cat"]).config == detector.config


def test_no_class_twice_and_at_least_one(detector):
    for class_names in ([], ["cat", "cat"]):
        with pytest.raises(ValueError, match="class_names"):
            with_classes(detector, class_names)


def frozen(model):
    return [layer.name for layer in model.layers if layer.weights and not layer.trainable]


def test_freezing_up_to_a_layer_freezes_what_its_output_depends_on():
    model = SSDTiny128(2)
    freeze_up_to(model, "conv2_1_relu")
    assert frozen(model) == ["conv1_1", "conv1_1_bn", "conv2_1", "conv2_1_bn"]


def frozen_and_learning(model):
    """The names of the last frozen layer with weights and of the first that learns."""
    layers = [layer for layer in model.layers if layer.weights]
    frozen = [layer.name for layer in layers if not layer.trainable]
    return frozen[-1], next(layer.name for layer in layers if layer.trainable)


@pytest.mark.parametrize(
    ("build", "stride8", "backbone"),
    [
        (SSDTiny128, ("conv3_2_bn", "conv4_1"), ("conv6_2_bn", "head1_classes")),
        (SSD300, ("block4_conv3", "block5_conv1"), ("fc7", "conv6_1")),
        (
            SSDMobileNet320,
            ("block_6_expand_BN", "block_6_depthwise"),
            ("Conv_1_bn", "extra1_reduce"),
        ),
        pytest.param(
            SSDMobileNetFPN320,
            ("block_6_expand_BN", "block_6_depthwise"),
            ("Conv_1_bn", "pyramid3_lateral"),
            marks=tensorflow_only,
        ),
        pytest.param(  # squeeze-and-excitation, with maps of one cell, is within stride 8
            SSDMobileNetV3Large320,
            ("expanded_conv_6_expand_bn", "expanded_conv_6_depthwise"),
            ("conv_1_bn", "extra1_reduce"),
            marks=tensorflow_only,
        ),
        (
            SSDResNet300,
            ("conv3_block4_3_bn", "conv4_block1_1_conv"),
            ("conv5_block3_3_bn", "extra1_1"),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_backbone_or_its_layers_up_to_stride_8_are_frozen(build, stride8, backbone):
    model = build(1)
    freeze_up_to(model, "stride8")
    assert frozen_and_learning(model) == stride8
    freeze_up_to(model, "backbone")
    assert frozen_and_learning(model) == backbone
    assert all(layer.trainable for layer in model.layers if layer.name.startswith("head"))


def test_frozen_weights_stay_as_they_are_in_training_and_the_others_move():
    model = SSDTiny128(2)
    freeze_up_to(model, "conv3_2_relu")
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    model.compile("sgd", loss={"offsets": "mse", "classes": "mse"})
    targets = {name: np.ones((2, *output.shape[1:])) for name, output in model.output.items()}
    model.fit(IMAGES, targets, epochs=1, verbose=0)
    moved = {
        layer.name
        for layer in model.layers
        if layer.weights
        for old, new in zip(before[layer.name], layer.get_weights(), strict=True)
        if not np.array_equal(old, new)
    }
    assert moved == before.keys() - set(frozen(model))
    assert "conv3_2_bn" in frozen(model)


def test_an_unknown_layer_is_answered_with_similar_names():
    with pytest.raises(ValueError, match=r"no layer 'conv2_1_rel' .*conv2_1_relu"):
        freeze_up_to(SSDTiny128(2), "conv2_1_rel")


def test_freezing_batch_norm_freezes_nothing_else():
    model = SSDTiny128(2)
    freeze_batch_norm(model)
    kinds = {type(layer) for layer in model.layers if layer.weights and not layer.trainable}
    assert len(kinds) == 1
    assert issubclass(kinds.pop(), keras.layers.BatchNormalization)
    assert all(name.endswith("_bn") for name in frozen(model))


def test_batch_norms_are_frozen_up_to_a_layer():
    model = SSDTiny128(2)
    freeze_batch_norm(model, up_to="conv3_2_relu")
    names = frozen(model)
    assert "conv3_2_bn" in names
    assert all(name.startswith(("conv1", "conv2", "conv3")) for name in names)
    assert all(name.endswith("_bn") for name in names)
    with pytest.raises(ValueError, match=r"no layer 'conv3_2_rule'.* such as conv3_2_relu"):
        freeze_batch_norm(model, up_to="conv3_2_rule")


def test_a_model_for_other_classes_is_not_frozen():
    model = SSDTiny128(2)
    freeze_up_to(model, "conv3_2_relu")
    thawed, _ = with_classes(Detector(model, ["cat", "dog"]), ["cat"])
    assert frozen(thawed) == []
