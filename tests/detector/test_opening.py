"""Detectors in `.keras` files: whole files, damaged files, and files with false settings."""

import copy
import json
import re

import keras
import numpy as np
import pytest

from keras_ssd.default_boxes import default_boxes
from keras_ssd.detector import Detector, open_detector
from keras_ssd.models.layers import DecodeDetections

CONFIG = "config.json"
DELETED, NAN = object(), float("nan")


def altered_config(members, place, value):
    """config.json with the value at a place, a path of keys, replaced or DELETED."""
    config = json.loads(members[CONFIG])
    node = config["config"]
    for key in place[:-1]:
        node = node[key]
    if value is DELETED:
        del node[place[-1]]
    else:
        node[place[-1]] = value
    return json.dumps(config).encode()


def photos():
    return np.random.default_rng(0).integers(0, 256, (2, 20, 30, 3), np.uint8)


class TestNoDetector:
    def test_a_missing_file_is_named(self, refused, tmp_path):
        message = refused(tmp_path / "best.keras")
        assert message == "no such file; expected a detector saved as .keras"

    def test_a_folder_is_not_a_detector(self, refused, tmp_path):
        (tmp_path / "folder.keras").mkdir()
        for path in (tmp_path, tmp_path / "folder.keras"):
            assert refused(path) == "expected a detector saved as .keras"

    @pytest.mark.parametrize("name", ["a.tflite", "a.onnx", "a.xml", "a"])
    def test_a_file_of_another_kind_is_told_what_was_expected(self, refused, tmp_path, name):
        (tmp_path / name).write_bytes(b"exported")
        assert refused(tmp_path / name) == "expected a detector saved as .keras"

    @pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04", b"PK\x05\x06"])
    def test_a_file_that_is_not_an_archive_is_refused(self, refused, tmp_path, content):
        path = tmp_path / "best.keras"
        path.write_bytes(content)
        assert "the file is damaged, or not a .keras file" in refused(path)

    def test_another_model_is_named(self, refused, tmp_path):
        images = keras.Input((4,))
        keras.Model(images, keras.layers.Dense(2)(images)).save(tmp_path / "other.keras")
        message = refused(tmp_path / "other.keras")
        assert "it holds a model of class 'Functional'; expected a Detector" in message

    def test_an_ssd_is_told_how_it_becomes_a_detector(self, refused, build_toy, tmp_path):
        build_toy().save(tmp_path / "ssd.keras")
        message = refused(tmp_path / "ssd.keras")
        assert "it holds an SSD" in message
        assert "save keras_ssd.Detector(ssd, class_names)" in message

    def test_a_detector_from_before_the_class_is_told_what_to_do(
        self, refused, build_toy, tmp_path
    ):
        # Those were functional models that ended in the layer DecodeDetections.
        ssd = build_toy()
        outputs = DecodeDetections(ssd.config.variances)(
            *ssd.output.values(), default_boxes(ssd.config)
        )
        keras.Model(ssd.input, outputs).save(tmp_path / "old.keras")
        message = refused(tmp_path / "old.keras")
        assert "saved by keras-ssd before version 0.1.0" in message
        assert "keras-ssd train" in message


class TestDamage:
    def test_a_whole_file_gives_the_same_detections(self, toy, saved):
        found = open_detector(saved).predict_on_batch(photos())
        expected = toy.predict_on_batch(photos())
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])

    def test_a_cut_off_file_is_refused(self, refused, saved, tmp_path):
        content = saved.read_bytes()
        for length in np.linspace(1, len(content) - 1, 20).astype(int):
            (tmp_path / "cut.keras").write_bytes(content[:length])
            refused(tmp_path / "cut.keras")

    def test_altered_bytes_are_refused_or_change_nothing(self, toy, saved, tmp_path):
        expected = toy.predict_on_batch(photos())
        content, rng = saved.read_bytes(), np.random.default_rng(0)
        for position in rng.integers(0, len(content), 60):
            damaged = bytearray(content)
            damaged[position : position + 16] = rng.bytes(16)
            (tmp_path / "damaged.keras").write_bytes(damaged)
            try:
                opened = open_detector(tmp_path / "damaged.keras")
            except ValueError:
                continue
            found = opened.predict_on_batch(photos())
            for name in expected:
                np.testing.assert_array_equal(found[name], expected[name])


SSD_CONFIG = ("ssd", "config", "ssd_config")
FEATURE_MAP = (*SSD_CONFIG, "feature_maps", 0)


class TestLies:
    @pytest.mark.parametrize(
        ("place", "values", "reason"),
        [
            (("class_names",), [["cat"], ["cat", "dog", "cow"]], "class_names: . names? given"),
            (
                ("class_names",),
                [["cat", "cat"], ["cat", ""], [1, 2], [], "ab", None],
                "class_names: ",
            ),
            (("confidence_threshold",), [-0.1, 1.5, NAN, "high", None, []], "confidence_thres"),
            (("iou_threshold",), [-0.1, 1.5, NAN, "high", None, {}], "iou_threshold: expected"),
            (("max_detections",), [0, -1, 1.5, 10**12, NAN, "all", None], "max_detections: exp"),
            (("top_k",), [0, -1, 1.5, 10**12, NAN, "all", None, []], "top_k: expected a count"),
            (("ssd",), [None, 1, "ssd", [], {}], ""),
            (("ssd", "config"), [None, 1, "ssd", [], {}], ""),
            (("more",), [1], "expected the settings .* not .*more"),
            ((*SSD_CONFIG, "image_size"), [15, 32, 0, -1, 10**12, 16.5, "big"], "image_size|sha"),
            ((*SSD_CONFIG, "variances"), [[0.1], [0.1] * 5, [0, 0, 0, 0], [NAN] * 4], "variances"),
            ((*SSD_CONFIG, "clip"), ["all", 1, []], "clip must be one of"),
            ((*SSD_CONFIG, "feature_maps"), [[], None, 3, [1]], "feature_maps|FeatureMap"),
            ((*FEATURE_MAP, "grid"), [3, 5, 0, -4, 10**9, "4"], "grid|expects the shapes"),
            ((*FEATURE_MAP, "step"), [0, -1, NAN, "wide"], "FeatureMap: step"),
            ((*FEATURE_MAP, "box_sizes"), [[[0.2, 0.2]], [], [[0.2]], [[0, 0]] * 2], "box_|shapes"),
            ((*SSD_CONFIG, "image_size"), [DELETED], "expected the values"),
            (("class_names",), [DELETED], "expected the settings"),
            (("ssd", "config", "layers"), [[], None, DELETED], ""),
            (("ssd", "config", "output_layers"), [[], None, DELETED, {}], ""),
        ],
    )
    def test_what_a_file_says_of_itself_is_checked(
        self, refused, write, members, place, values, reason
    ):
        for value in values:
            message = refused(write({CONFIG: altered_config(members, place, value)}))
            assert re.search(reason, message), (value, message)

    def test_outputs_that_are_not_those_of_its_boxes_are_refused(self, refused, write, members):
        config = json.loads(members[CONFIG])
        outputs = config["config"]["ssd"]["config"]["output_layers"]
        swapped = copy.deepcopy(config)
        swapped["config"]["ssd"]["config"]["output_layers"] = {
            "offsets": outputs["classes"],
            "classes": outputs["offsets"],
        }
        assert "expects the shapes" in refused(write({CONFIG: json.dumps(swapped)}))
        del outputs["classes"]
        assert "expects the shapes" in refused(write({CONFIG: json.dumps(config)}))

    def test_a_mask_is_refused(self, refused, write, members):
        config = members[CONFIG].replace(b'"kwargs": {}', b'"kwargs": {"mask": 1}', 1)
        assert config != members[CONFIG]
        assert "a layer takes a mask" in refused(write({CONFIG: config}))

    def test_code_in_a_file_is_not_run(self, refused, build_toy, tmp_path):
        layer = keras.layers.Lambda(lambda x: x, output_shape=lambda shape: shape)
        path = tmp_path / "code.keras"
        Detector(build_toy(layer), ["cat", "dog"]).save(path)
        assert "lambda" in refused(path).lower()

    @pytest.mark.parametrize("config", [b"[]", b"null", b"3", b"{}", b"{", b"[" * 100_000])
    def test_a_config_that_describes_no_model_is_refused(self, refused, write, config):
        refused(write({CONFIG: config}))
