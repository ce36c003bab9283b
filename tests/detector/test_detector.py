import re
import subprocess
import sys

import cv2
import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd.config import FeatureMap, SSDConfig
from keras_ssd.default_boxes import default_boxes
from keras_ssd.detector import Detector
from keras_ssd.models import SSD, SSD300, SSD512, SSDMobileNet320
from keras_ssd.models.layers import DecodeDetections

TOY = SSDConfig(
    "toy",
    16,
    (
        FeatureMap(4, 0.25, ((0.2, 0.2), (0.3, 0.3))),
        FeatureMap(2, 0.5, ((0.5, 0.5), (0.6, 0.6), (0.4, 0.7))),
    ),
    variances=(0.2, 0.2, 0.4, 0.4),
)
NAMES = ("cat", "dog", "chien méchant")


def toy_ssd(num_classes=3):
    images = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(images)
    x = keras.layers.Conv2D(4, 4, strides=4, activation="relu")(x)
    y = keras.layers.AveragePooling2D(2)(x)
    backbone = keras.Model(images, [x, y], name="toy_backbone")
    # separable heads hold batch normalization, which training and inference treat differently
    return SSD.from_backbone(backbone, TOY, num_classes, separable_heads=True, name="toy")


def photos(height, width, batch=2, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (batch, height, width, 3), np.uint8)


def to_numpy(outputs):
    return keras.tree.map_structure(ops.convert_to_numpy, outputs)


def assert_same(found, expected, atol=1e-5):
    assert set(found) == set(expected) == {"boxes", "labels", "scores", "num_detections"}
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, atol=atol, err_msg=key)


def test_the_number_of_names_must_be_that_of_the_classes():
    with pytest.raises(ValueError, match=r"class_names: 2 names given.*'toy' has 3 foreground"):
        Detector(toy_ssd(), ["cat", "dog"])


def test_a_name_may_not_come_twice():
    with pytest.raises(ValueError, match=r"class_names: 'cat' comes twice"):
        Detector(toy_ssd(), ["cat", "dog", "cat"])


@pytest.mark.parametrize("name", ["", "chien\nméchant", "dog\n", 3])
def test_a_name_is_a_text_of_one_line(name):
    message = f"class_names: expected names of one line each, not {name!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        Detector(toy_ssd(), ["cat", name, "dog"])


def test_a_model_that_is_not_an_ssd_makes_no_detector():
    images = keras.Input((4,))
    dense = keras.Model(images, keras.layers.Dense(2)(images), name="dense")
    with pytest.raises(
        ValueError, match=r"ssd: expected an SSD, as SSD300\(\) returns it, not.*dense"
    ):
        Detector(dense, NAMES)
    with pytest.raises(ValueError, match=r"ssd: expected an SSD"):
        Detector(Detector(toy_ssd(), NAMES), NAMES)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 16), (40, 23), (7, 30)])
def test_images_of_any_size_are_warped_to_the_network_s(height, width):
    model = toy_ssd()
    images = photos(height, width)
    warped = np.stack(
        [
            cv2.resize(image.astype(np.float32), (16, 16), interpolation=cv2.INTER_LINEAR)
            for image in images
        ]
    )
    outputs = model(warped)
    decode = DecodeDetections(TOY.variances)
    expected = decode(outputs["offsets"], outputs["classes"], default_boxes(TOY))
    assert_same(to_numpy(Detector(model, NAMES)(images)), to_numpy(expected))


def test_predict_and_a_call_return_the_same_and_train_nothing():
    detector = Detector(toy_ssd(), NAMES)
    weights = detector.get_weights()
    called = to_numpy(detector(photos(20, 30)))
    assert_same(detector.predict(photos(20, 30), verbose=0), called)
    for before, after in zip(weights, detector.get_weights(), strict=True):
        np.testing.assert_array_equal(after, before)


def test_detections_have_the_documented_shapes_and_dtypes():
    detector = Detector(toy_ssd(), NAMES, max_detections=9)
    found = to_numpy(detector(photos(20, 30)))
    assert {key: (value.shape, str(value.dtype)) for key, value in found.items()} == {
        "boxes": ((2, 9, 4), "float32"),
        "labels": ((2, 9), "int32"),
        "scores": ((2, 9), "float32"),
        "num_detections": ((2,), "int32"),
    }


def test_what_the_heads_say_is_what_the_detector_finds():
    # The heads give "dog" (class 2 after the background) for the tall box of the 2x2 map's cells,
    # with the place of its default box, and "background" for all other boxes.
    model = toy_ssd()
    for number in (1, 2):
        for name in ("offsets", "classes"):
            kernel, bias = model.get_layer(f"head{number}_{name}").get_weights()
            bias[:] = 0
            if name == "classes":
                bias.reshape(-1, 4)[:, 0] = 20
                if number == 2:
                    bias.reshape(-1, 4)[2] = [0, 0, np.log(6), 0]  # softmax: 6 / (6 + 3)
            model.get_layer(f"head{number}_{name}").set_weights([0 * kernel, bias])
    found = to_numpy(Detector(model, NAMES)(photos(30, 50, batch=1)))
    assert found["num_detections"] == [4 + 4 * 2]  # "cat" and "chien méchant": 1 / 9 each
    np.testing.assert_array_equal(found["labels"][0, :4], [1] * 4)
    np.testing.assert_allclose(found["scores"][0, :4], [2 / 3] * 4, rtol=1e-6)
    np.testing.assert_allclose(found["scores"][0, 4:12], [1 / 9] * 8, rtol=1e-6)
    expected = [
        (0.05, 0.0, 0.45, 0.6),  # centers .25 and .75, width .4, height .7, clipped
        (0.05, 0.4, 0.45, 1.0),
        (0.55, 0.0, 0.95, 0.6),
        (0.55, 0.4, 0.95, 1.0),
    ]
    np.testing.assert_allclose(sorted(found["boxes"][0, :4].tolist()), expected, atol=1e-6)


def test_thresholds_given_to_the_detector_are_obeyed():
    model = toy_ssd()
    images = photos(16, 16)
    all_found = to_numpy(Detector(model, NAMES)(images))
    count = all_found["num_detections"][0]
    threshold = float(np.median(all_found["scores"][0, :count]))
    strict = Detector(model, NAMES, confidence_threshold=threshold)
    found = to_numpy(strict(images))
    for image in range(2):
        expected = np.count_nonzero(all_found["scores"][image] > threshold)
        assert 0 < expected < all_found["num_detections"][image]
        assert found["num_detections"][image] == expected
    everything = to_numpy(Detector(model, NAMES, iou_threshold=1.0)(images))
    np.testing.assert_array_equal(everything["num_detections"], [TOY.num_default_boxes * 3] * 2)


def test_the_detector_shares_its_weights_with_the_model():
    model = toy_ssd()
    detector = Detector(model, NAMES)
    assert detector.ssd is model
    before = to_numpy(detector(photos(16, 16)))
    model.set_weights([weight + 0.3 for weight in model.get_weights()])
    after = to_numpy(detector(photos(16, 16)))
    assert np.abs(after["scores"] - before["scores"]).max() > 0.01


def test_a_detector_knows_its_configuration():
    detector = Detector(toy_ssd(), NAMES)
    assert detector.class_names == NAMES
    assert detector.config == TOY
    assert detector.image_size == 16


def test_grayscale_images_are_refused():
    detector = Detector(toy_ssd(), NAMES)
    with pytest.raises(ValueError, match="to have value 3, but received input with shape"):
        detector(photos(20, 30)[..., :1])


def test_an_image_without_batch_axis_is_refused():
    detector = Detector(toy_ssd(), NAMES)
    with pytest.raises(ValueError, match=r"Expected shape \(None, None, None, 3\)"):
        detector(photos(20, 30)[0])


RELOAD = """
import sys
import keras, numpy as np
import keras_ssd.default_boxes
path, images, results = sys.argv[1:]
detector = keras_ssd.load_detector(path)
found = detector.predict(np.load(images), verbose=0)
boxes = keras_ssd.default_boxes.default_boxes(detector.config)
np.savez(results, default_boxes=boxes, names=detector.class_names, **found)
"""

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the toy shows it on every backend, fast"
)


@pytest.mark.parametrize(
    "build",
    [
        toy_ssd,
        pytest.param(SSDMobileNet320, marks=on_tensorflow),
        pytest.param(SSD300, marks=[on_tensorflow, pytest.mark.slow]),
        pytest.param(SSD512, marks=[on_tensorflow, pytest.mark.slow]),
    ],
)
def test_a_saved_detector_finds_the_same_in_a_fresh_process(tmp_path, build):
    detector = Detector(build(3), NAMES, max_detections=20)
    path, images, results = (tmp_path / name for name in ("d.keras", "images.npy", "found.npz"))
    detector.save(path)
    np.save(images, photos(200, 300))
    subprocess.run([sys.executable, "-c", RELOAD, path, images, results], check=True)
    found = dict(np.load(results))
    assert tuple(found.pop("names")) == NAMES
    config = detector.config
    np.testing.assert_array_equal(found.pop("default_boxes"), default_boxes(config))
    assert_same(found, detector.predict(np.load(images), verbose=0))
    assert found["num_detections"].min() > 0
