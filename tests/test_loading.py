"""`load_detector`, and the detectors of Keras that it and `Detector.from_checkpoint` open."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_ssd
from keras_ssd.detector import opening
from keras_ssd.loading import load_keras_detector
from keras_ssd.models import precision

INT8 = "ssd_mobilenet_320_voc_int8"


@pytest.fixture(scope="module")
def tiny():
    return keras_ssd.Detector(keras_ssd.SSDTiny128(2), ["cat", "dog"], max_detections=7)


@pytest.fixture(scope="module")
def tiny_file(tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("loading") / "tiny.keras"
    tiny.save(path)
    return path


@pytest.mark.parametrize("model", ["best.keras", "best.tflite", "best.onnx", "best.xml", "best"])
def test_what_is_not_there_is_answered_with_what_was_expected(model, tmp_path):
    path = tmp_path / model
    message = (
        rf"^{re.escape(str(path))}: no such file; expected a detector: a file that ends in \.keras"
        rf".*or a preset: ssd_mobilenet_320_voc, {INT8}, "
    )
    for load in (keras_ssd.load_detector, load_keras_detector):
        with pytest.raises(ValueError, match=message):
            load(path)
    with pytest.raises(ValueError, match=message):
        keras_ssd.load_detector(path, num_threads=1)


def test_a_file_or_folder_of_something_else_is_answered_with_what_was_expected(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"a photo")
    for path in (tmp_path, tmp_path / "photo.jpg"):
        with pytest.raises(ValueError, match=rf"{path.name}: expected a detector: a file that"):
            keras_ssd.load_detector(path)


@pytest.mark.parametrize("name", ["d.keras", "d.tflite", "d.xml", "d.onnx", "d.pth", "d.tar.gz"])
def test_a_file_that_its_suffix_lies_about_is_refused_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / name))):
        keras_ssd.load_detector(tmp_path / name)


def test_a_keras_file_is_loaded_as_it_was_saved(tiny, tiny_file):
    detector = keras_ssd.load_detector(str(tiny_file))
    assert detector.class_names == ("cat", "dog")
    assert detector.max_detections == 7
    images = np.random.default_rng(0).integers(0, 256, (1, 50, 40, 3), np.uint8)
    found, expected = detector.predict_on_batch(images), tiny.predict_on_batch(images)
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])


class TestDtype:
    def test_none_is_keras_s_policy(self, tiny_file):
        assert precision.dtype_of(keras_ssd.load_detector(tiny_file).ssd) == "float32"
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            detector = keras_ssd.load_detector(tiny_file)
        finally:
            keras.config.set_dtype_policy(before)
        assert precision.dtype_of(detector.ssd) == "mixed_bfloat16"

    def test_a_given_one_is_taken(self, tiny_file):
        detector = keras_ssd.load_detector(tiny_file, dtype="mixed_bfloat16")
        assert precision.dtype_of(detector.ssd) == "mixed_bfloat16"
        assert {weight.dtype for weight in detector.weights} == {"float32"}

    def test_auto_stays_in_float32_where_nothing_was_measured_and_says_so(self, tiny_file, caplog):
        precision._log_once.cache_clear()
        with caplog.at_level("INFO", logger="keras_ssd"):
            detector = keras_ssd.load_detector(tiny_file, dtype="auto")
        assert precision.dtype_of(detector.ssd) == "float32"
        assert caplog.messages == [
            f"{detector.name} computes in float32: bfloat16 has not been measured"
        ]

    def test_nothing_is_said_or_chosen_unless_auto_is_asked_for(self, tiny_file, caplog):
        precision._log_once.cache_clear()
        with caplog.at_level("INFO", logger="keras_ssd"):
            keras_ssd.load_detector(tiny_file)
        assert caplog.messages == []

    def test_an_unknown_one_is_refused(self, tiny_file):
        with pytest.raises(ValueError, match=r"dtype: expected float32, mixed_bfloat16.*'int8'"):
            keras_ssd.load_detector(tiny_file, dtype="int8")

    def test_an_exported_file_takes_none_but_its_own(self):
        assert keras_ssd.load_detector(INT8, dtype="auto").image_size == 320
        message = r"^dtype: .*_int8\.tflite is a LiteRT file \(\.tflite\), which does not take it"
        with pytest.raises(ValueError, match=message):
            keras_ssd.load_detector(INT8, dtype="float32")


@pytest.mark.parametrize("exported", [INT8, "d.tflite", "d.onnx", "d.xml", "saved"])
def test_an_exported_detector_is_not_taken_to_train(exported, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("d.tflite", "d.onnx", "d.xml", "saved/1/saved_model.pb"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    with pytest.raises(ValueError, match=rf"^{exported}: an exported detector, which only detects"):
        load_keras_detector(exported)


class TestCheckpoints:
    @pytest.fixture
    def converted(self, monkeypatch):
        """Notes the arguments of each conversion instead of converting."""
        calls = []

        def convert(*arguments):
            calls.append(arguments)
            return keras_ssd.SSDTiny128(2), ("cat", "dog")

        monkeypatch.setattr(opening, "convert_checkpoint", convert)
        return calls

    @pytest.mark.parametrize(
        ("name", "source"),
        [
            ("mine.pth", "auto"),
            ("mine.pt", "auto"),
            ("mine.tar.gz", "auto"),
            ("ssd300_mAP_77.43_v2.pth", "amdegroot"),
            ("ssd_300_VOC0712.pth", "caffe"),  # its names are amdegroot's, its pixels BGR
            ("ssdlite_mobilenet_v2_coco_2018_05_09.tar.gz", "tensorflow"),
        ],
    )
    def test_a_checkpoint_is_converted_by_its_path(self, converted, tmp_path, name, source):
        path = tmp_path / name
        path.touch()
        for load in (keras_ssd.load_detector, load_keras_detector):
            assert load(path).class_names == ("cat", "dog")
        assert converted == [(path, source, None, None)] * 2

    @pytest.mark.parametrize("name", ["folder", "folder/model.ckpt", "folder/model.ckpt.index"])
    def test_a_checkpoint_of_tensorflow_is_found_by_each_of_its_names(
        self, converted, tmp_path, name
    ):
        # As in the model zoo, beside a SavedModel that another program wrote.
        for file in ("model.ckpt.index", "model.ckpt.data-00000-of-00001", "1/saved_model.pb"):
            (tmp_path / "folder" / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "folder" / file).touch()
        keras_ssd.load_detector(tmp_path / name)
        assert converted == [(tmp_path / name, "auto", None, None)]

    def test_from_checkpoint_takes_what_the_conversion_takes(self, converted):
        keras_ssd.Detector.from_checkpoint("ssd_300_VOC0712.pth", "lufficc", ["cat"], "voc")
        assert converted == [("ssd_300_VOC0712.pth", "lufficc", ["cat"], "voc")]

    @pytest.mark.parametrize(
        ("name", "source"),
        [
            ("ssd_mobilenet_300_coco", "tensorflow"),
            ("ssd300_coco_torchvision", "torchvision"),
            ("ssd300_voc_amdegroot", "amdegroot"),
            ("ssd300_voc_caffe", "caffe"),
        ],
    )
    def test_a_preset_s_file_goes_to_the_reader_of_its_source(
        self, converted, name, source, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(opening, "preset_file", lambda preset: tmp_path / preset.name)
        keras_ssd.load_detector(name)
        assert converted == [(tmp_path / name, source)]


WITHOUT_KERAS = """
import sys
sys.modules["keras"] = None
import keras_ssd
try:
    keras_ssd.load_detector(sys.argv[1])
except ImportError as error:
    print(error)
"""


def test_without_keras_a_keras_file_is_refused_with_what_to_install(tiny_file):
    command = [sys.executable, "-c", WITHOUT_KERAS, str(tiny_file)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^keras is missing, which .* need: pip install keras-ssd", printed)
