"""What holds of every exported detector: what images it takes, how it splits them, its names."""

import re

import numpy as np
import pytest

from keras_ssd import SSDTiny128, build_detector, load_detector
from keras_ssd.formats import export_litert, export_onnx, export_openvino
from keras_ssd.inference.exported import ExportedDetector, read_labels


class CountingDetector(ExportedDetector):
    """Finds the number that each image is filled with, and notes the sizes of its batches."""

    def __init__(self):
        self.batches = []

    def _predict_on_batch(self, images):
        self.batches.append(len(images))
        return {"scores": images[:, 0, 0, 0], "num_detections": images[:, 0, 0, 0] + 1}


def numbered(count):
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("options", "batches"),
    [
        ({}, [32, 32, 6]),
        ({"batch_size": 35, "verbose": 0}, [35, 35]),
        ({"batch_size": 1}, [1] * 70),
        ({"batch_size": 100}, [70]),
    ],
)
def test_an_array_is_run_in_batches_and_the_results_are_joined(options, batches):
    detector = CountingDetector()
    found = detector.predict(numbered(70), **options)
    assert detector.batches == batches
    assert found["scores"].tolist() == list(range(70))
    assert found["num_detections"].tolist() == list(range(1, 71))


def test_the_batches_of_a_data_set_are_run_as_they_come():
    detector = CountingDetector()
    images = numbered(50)
    found = detector.predict(iter([images[:40], images[40:]]), batch_size=8)
    assert detector.batches == [40, 10]
    assert found["scores"].tolist() == list(range(50))


def test_predict_on_batch_runs_all_at_once():
    detector = CountingDetector()
    detector.predict_on_batch(numbered(70))
    assert detector.batches == [70]


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_of_none_is_refused(batch_size):
    with pytest.raises(ValueError, match=f"batch_size: expected 1 or more, not {batch_size}"):
        CountingDetector().predict(numbered(1), batch_size=batch_size)


@pytest.mark.parametrize("images", [numbered(0), numbered(0).astype(np.float32), np.array([])])
def test_no_images_are_refused(images):
    detector = CountingDetector()
    for predict in (detector.predict, detector.predict_on_batch):
        with pytest.raises(ValueError, match=r"^images: expected at least one$"):
            predict(images)


def test_a_data_set_without_batches_is_refused():
    with pytest.raises(ValueError, match=r"^images: expected at least one$"):
        CountingDetector().predict([])


@pytest.mark.parametrize(
    ("images", "came"),
    [
        (np.zeros((1, 300, 300, 3), np.float32), "float32 (1, 300, 300, 3)"),
        (np.zeros((1, 8, 8, 3), np.int8), "int8 (1, 8, 8, 3)"),
        (np.zeros((40, 8, 3), np.uint8), "uint8 (40, 8, 3)"),
        (np.zeros((1, 8, 8), np.uint8), "uint8 (1, 8, 8)"),
        (np.zeros((1, 8, 8, 1), np.uint8), "uint8 (1, 8, 8, 1)"),
        (np.zeros((1, 8, 8, 4), np.uint8), "uint8 (1, 8, 8, 4)"),
        (np.zeros((1, 3, 8, 8), np.uint8), "uint8 (1, 3, 8, 8)"),
        (np.zeros((1, 0, 8, 3), np.uint8), "uint8 (1, 0, 8, 3)"),
        (np.uint8(1), "uint8 ()"),
    ],
)
def test_other_images_are_refused_by_dtype_and_shape(images, came):
    detector, message = CountingDetector(), f"images: expected uint8 (B, H, W, 3), not {came}"
    for call in (detector.predict_on_batch, lambda batch: detector.predict([batch])):
        with pytest.raises(ValueError, match=re.escape(message) + "$"):
            call(images)
    assert detector.batches == []


def test_an_array_is_refused_by_its_own_shape_not_that_of_its_first_batch():
    with pytest.raises(ValueError, match=r"not uint8 \(40, 8, 3\)$"):
        CountingDetector().predict(np.zeros((40, 8, 3), np.uint8))


def test_an_exported_detector_that_does_not_say_how_it_predicts_says_so():
    with pytest.raises(NotImplementedError):
        ExportedDetector().predict(np.zeros((1, 8, 8, 3), np.uint8))


# All that `str.splitlines` splits at besides "\n", and spaces that XML would join.
NAMES = ("a\u2028b", "c\rd", "e\x0bf", "g\x0ch", "i\x1cj", "k\x85l", "m\u2029n", " o  p\t", "犬")


def test_only_a_line_feed_ends_a_name():
    assert read_labels("".join(f"{name}\n" for name in NAMES)) == NAMES
    assert read_labels("a\nb") == ("a", "b")


@pytest.mark.parametrize(
    ("export", "suffix", "libraries"),
    [
        (export_litert, ".tflite", ()),
        (export_onnx, ".onnx", ("tf2onnx", "onnxruntime")),
        (export_openvino, ".xml", ("openvino",)),
    ],
)
def test_exports_keep_names_of_every_kind(tmp_path, export, suffix, libraries):
    for library in libraries:
        pytest.importorskip(library)
    detector = build_detector(SSDTiny128(len(NAMES)), NAMES)
    assert load_detector(export(detector, tmp_path / f"a{suffix}")).class_names == NAMES
