"""LiteRT files that are no detectors, and images of sizes and numbers that need care."""

import zipfile

import numpy as np
import pytest

import keras_ssd
from keras_ssd.export import export_litert
from keras_ssd.images import resize_image
from keras_ssd.inference.exported import ExportedDetector
from keras_ssd.inference.litert import LiteRTDetector


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    detector = keras_ssd.build_detector(keras_ssd.SSDTiny128(2), ("a", "b"), max_detections=5)
    return export_litert(detector, tmp_path_factory.mktemp("litert") / "tiny.tflite")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 50, 70, 3), np.uint8)


def test_load_detector_opens_it_by_its_suffix(path):
    for name in (path, str(path)):
        assert isinstance(keras_ssd.load_detector(name), LiteRTDetector)


def test_images_of_another_size_are_warped(path, images):
    detector = LiteRTDetector(path, num_threads=1)
    warped = np.stack([resize_image(image, 128) for image in images])
    found, expected = detector.predict(images), detector.predict(warped)
    assert expected["num_detections"].tolist() == [5, 5, 5]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_batches_of_a_data_set_follow_each_other(path, images):
    detector = LiteRTDetector(path)
    expected = detector.predict(images)
    found = detector.predict([images[:2], images[2:]], verbose=0)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_detect_takes_it(path, images):
    (found,) = keras_ssd.detect(keras_ssd.load_detector(path), images[0], confidence_threshold=0)
    assert found.size == (50, 70)
    assert len(found) == 5
    assert found.class_names == ("a", "b")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "a.tflite: no such file; expected a detector exported as .tflite"),
        (b"", "a.tflite: not a detector exported as .tflite"),
        (b"no model", "a.tflite: not a detector exported as .tflite"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.tflite").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        keras_ssd.load_detector(tmp_path / "a.tflite")


def test_an_archive_without_a_model_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.tflite", "w") as archive:
        archive.writestr("labels.txt", "a\n")
    with pytest.raises(ValueError, match=r"a\.tflite: not a detector exported as \.tflite"):
        LiteRTDetector(tmp_path / "a.tflite")


def test_a_model_without_names_is_named(tmp_path, path):
    with zipfile.ZipFile(path) as archive:
        start = min(entry.header_offset for entry in archive.infolist())
    (tmp_path / "a.tflite").write_bytes(path.read_bytes()[:start])
    with pytest.raises(ValueError, match=r"a\.tflite: not a detector exported as \.tflite"):
        LiteRTDetector(tmp_path / "a.tflite")


def test_an_exported_detector_that_does_not_say_how_it_predicts_says_so():
    with pytest.raises(NotImplementedError):
        ExportedDetector().predict(np.zeros((1, 8, 8, 3), np.uint8))
