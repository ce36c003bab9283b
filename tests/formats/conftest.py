"""Fixtures: a detector with random weights, images, its exported files, and false settings."""

import copy
import json
import math

import keras
import numpy as np
import pytest

import keras_ssd
from keras_ssd import Detector, SSDTiny128
from keras_ssd.formats.onnx.write import export_onnx
from keras_ssd.formats.openvino.write import export_openvino
from keras_ssd.formats.saved_model.write import export_saved_model


@pytest.fixture(scope="package")
def detector():
    keras.utils.set_random_seed(0)
    return Detector(SSDTiny128(3), ("cat", "dög", "犬"), max_detections=9)


@pytest.fixture(scope="package")
def exported(detector, tmp_path_factory):
    """The SavedModel in the folder NAME/1."""
    return export_saved_model(detector, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="package")
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)


@pytest.fixture(scope="package")
def onnx_path(detector, tmp_path_factory):
    for library in ("onnx", "tf2onnx", "onnxruntime"):
        pytest.importorskip(library, reason='needs pip install "keras-ssd[onnx]"')
    return export_onnx(detector, tmp_path_factory.mktemp("onnx") / "tiny.onnx")


@pytest.fixture(scope="package")
def openvino_path(detector, tmp_path_factory):
    pytest.importorskip("openvino", reason='needs pip install "keras-ssd[openvino]"')
    return export_openvino(detector, tmp_path_factory.mktemp("openvino") / "tiny.xml")


ABSURD = (-1, 10**12, 1e30, math.nan, math.inf, None, "x", [], {}, True)
# Values and omissions that are as good as what was there.
HARMLESS = [
    (("config", "name"), "x"),
    (("config", "clip"), None),
    (("config", "feature_maps", 0, "offset"), -1),
    (("config", "feature_maps", 0, "offset"), "left out"),
    *((("config", name), "left out") for name in ("clip", "variances")),
]


def places(value, path=()):
    """The paths to all values in a JSON text, and in each list only to the first."""
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        yield from places(value[0], (*path, 0))


def altered(settings, path, value) -> str:
    """The JSON text with another value at a path, or without it."""
    whole = copy.deepcopy({"": settings})
    *parents, last = ("", *path)
    inner = whole
    for name in parents:
        inner = inner[name]
    if value == "left out":
        del inner[last]
    else:
        inner[last] = value
    return json.dumps(whole.get(""))


@pytest.fixture(scope="package")
def lies():
    """A function from the settings in a file, JSON, to (what was altered, the altered JSON)."""

    def alterations(text):
        settings = json.loads(text)
        found = [
            ((path, value), altered(settings, path, value))
            for path in places(settings)
            for value in (*ABSURD, "left out")
            if (path, value) not in HARMLESS
        ]
        assert len(found) > 200
        return found

    return alterations


@pytest.fixture(scope="package")
def assert_refused():
    """A function that asserts that a file is refused by a ValueError that names it.

    When it is opened, or where only a network that finds something can show it, then.
    """
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)

    def check(path, what, *, at_the_latest_when_it_detects=False):
        with pytest.raises(ValueError, match=r"\S+") as raised:  # noqa: PT012
            detector = keras_ssd.load_detector(path)
            if at_the_latest_when_it_detects:
                list(detector.detect(image, confidence_threshold=0))
            pytest.fail(f"opened: {what}")
        assert str(path) in str(raised.value), what

    return check


# Texts of names that do not fit the three classes of the detector, or nobody.
NAMES = ["cat\ndög\n", "cat\ncat\n犬\n", "\n\n\n", "", "cat\n\n犬\n"]


@pytest.fixture(params=NAMES)
def wrong_names(request):
    return request.param
