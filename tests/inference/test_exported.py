"""Every exported detector: the images that it takes, its batches and its class names."""

import json
import re

import numpy as np
import pytest

from keras_ssd import Detector, SSDTiny128, load_detector
from keras_ssd.inference.exported import ExportedDetector, last_line, read_labels
from keras_ssd.inference.thresholds import ThresholdSettings


class CountingDetector(ExportedDetector):
    """Scores the number that each image is filled with, and notes the sizes of its batches."""

    kind = "written down here"
    names, size, changes = ("a", "b"), 4, {}

    def __init__(self, path=__file__, **options):
        self.batches = []
        super().__init__(path, **options)
        self.batches.clear()  # that of the black image

    def _open(self):
        self.class_names, self.image_size = self.names, self.size

    def _predict_on_batch(self, images):
        self.batches.append(len(images))
        count = len(images)
        found = {
            "boxes": np.zeros((count, 2, 4), np.float32),
            "labels": np.tile(np.int32([1, -1]), (count, 1)),
            "scores": np.stack([images[:, 0, 0, 0], np.zeros(count)], axis=1).astype(np.float32),
            "num_detections": np.ones(count, np.int32),
        }
        return {**found, **self.changes}


def numbered(count):
    return np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 5, 3), np.uint8)


@pytest.mark.parametrize(
    ("options", "batches"),
    [
        ({}, [32, 32, 6]),
        ({"batch_size": 35}, [35, 35]),
        ({"batch_size": 1}, [1] * 70),
        ({"batch_size": 100}, [70]),
    ],
)
def test_an_array_is_run_in_batches_and_the_results_are_joined(options, batches):
    detector = CountingDetector()
    found = detector.predict(numbered(70), **options)
    assert detector.batches == batches
    assert found["scores"][:, 0].tolist() == list(range(70))
    assert found["num_detections"].tolist() == [1] * 70


def test_the_batches_of_a_data_set_are_run_as_they_come():
    detector = CountingDetector()
    images = numbered(50)
    found = detector.predict(iter([images[:40], images[40:]]), batch_size=8)
    assert detector.batches == [40, 10]
    assert found["scores"][:, 0].tolist() == list(range(50))


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


def test_an_unknown_option_of_predict_is_refused():
    with pytest.raises(TypeError, match="batchsize"):
        CountingDetector().predict(numbered(1), batchsize=3)


@pytest.mark.parametrize("num_threads", [0, -1, 1.5])
def test_a_wrong_number_of_threads_is_refused(num_threads):
    with pytest.raises(ValueError, match=f"num_threads: .*, not {num_threads}$"):
        CountingDetector(num_threads=num_threads)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"d\.abc: no such file; .* written down here$"):
        CountingDetector(tmp_path / "d.abc")


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("names", ("a", "a"), "class_names: 'a' comes twice"),
        ("names", (), "class_names: expected at least one name"),
        ("names", "ab", "class_names: expected a list"),
        ("size", 0, "image size: expected 1 to 4096 pixels, not 0"),
        ("size", 10**9, "image size: expected 1 to 4096 pixels, not 1000000000"),
        ("size", "4", "image size: .*, not '4'"),
        ("changes", {"boxes": np.zeros((1, 3, 4), np.float32)}, r"boxes: .* not float32 \(1, 3, 4"),
        ("changes", {"labels": np.zeros((1, 2))}, r"labels: expected int32 \(1, 2\), not float64"),
        ("changes", {"scores": np.float32([[np.nan, 0]])}, "boxes and scores: expected finite"),
        ("changes", {"num_detections": np.int32([3])}, r"num_detections: .* 0 to 2, not \[3\]"),
        ("changes", {"num_detections": np.int32([-1])}, r"num_detections: .* 0 to 2, not \[-1\]"),
        ("changes", {"labels": np.int32([[2, -1]])}, "finds the classes 2 to 2, but names 2"),
        ("changes", {"labels": np.int32([[-1, -1]])}, "finds the classes -1 to -1, but names 2"),
        ("changes", {"extra": np.zeros(1)}, "expected the outputs boxes, labels, scores, num_"),
    ],
)
def test_what_a_file_says_of_itself_is_checked_when_it_is_opened(
    monkeypatch, attribute, value, reason
):
    monkeypatch.setattr(CountingDetector, attribute, value)
    message = rf"test_exported\.py: not a detector written down here by keras-ssd \(.*{reason}"
    with pytest.raises(ValueError, match=message):
        CountingDetector()


THRESHOLDS = {"confidence_threshold": 0.1, "iou_threshold": 0.4, "max_detections": 2}


def test_thresholds_in_a_file_are_read_and_fixed(monkeypatch):
    stated = ThresholdSettings(**THRESHOLDS)
    monkeypatch.setattr(CountingDetector, "_fixed_thresholds", stated)
    detector = CountingDetector()
    for name, value in THRESHOLDS.items():
        assert getattr(detector, name) == value
        with pytest.raises(AttributeError, match=f"{name}: it is fixed in .*export the detector "):
            setattr(detector, name, value)
    assert repr(detector) == (
        f"CountingDetector('{__file__}', 2 classes, image_size 4, confidence_threshold 0.1, "
        "iou_threshold 0.4, max_detections 2)"
    )
    assert ThresholdSettings.from_json(stated.to_json()) == stated


def test_a_file_that_does_not_know_its_thresholds_has_none():
    detector = CountingDetector()
    assert [getattr(detector, name) for name in THRESHOLDS] == [None] * 3
    assert repr(detector) == f"CountingDetector('{__file__}', 2 classes, image_size 4)"


def test_a_false_number_of_detections_is_refused(monkeypatch):
    stated = ThresholdSettings(**{**THRESHOLDS, "max_detections": 3})
    monkeypatch.setattr(CountingDetector, "_fixed_thresholds", stated)
    with pytest.raises(ValueError, match=r"\(max_detections: it says 3, but gives 2\)$"):
        CountingDetector()


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize("lie", [-1, 10**12, 1.5, float("nan"), None, "x", [], True])
def test_thresholds_that_no_detector_can_have_are_refused(name, lie):
    with pytest.raises(ValueError, match=f"^{name}: expected "):
        ThresholdSettings.from_json(json.dumps({**THRESHOLDS, name: lie}))


@pytest.mark.parametrize("text", ["[]", "{}", "1", '{"iou_threshold": 0.5}', "no JSON"])
def test_other_texts_than_thresholds_are_refused(text):
    with pytest.raises(ValueError, match=r"thresholds: expected the settings|Expecting value"):
        ThresholdSettings.from_json(text)


def test_damage_that_shows_later_names_the_file(monkeypatch):
    detector = CountingDetector()
    monkeypatch.setattr(CountingDetector, "changes", {"labels": np.int32([[7, -1]])})
    with pytest.raises(ValueError, match=r"test_exported\.py: cannot be run \(it finds the "):
        detector.predict(numbered(1))


def test_an_error_is_told_by_its_last_line_or_its_kind():
    assert last_line(RuntimeError("in file.cc:3\nthe weights are missing\n")) == (
        "the weights are missing"
    )
    assert last_line(KeyError()) == "KeyError"


# All that `str.splitlines` splits at besides "\n", and spaces that XML would join.
NAMES = ("a\u2028b", "c\rd", "e\x0bf", "g\x0ch", "i\x1cj", "k\x85l", "m\u2029n", " o  p\t", "犬")


def test_only_a_line_feed_ends_a_name():
    assert read_labels("".join(f"{name}\n" for name in NAMES)) == NAMES
    assert read_labels("a\nb") == ("a", "b")


@pytest.mark.parametrize(
    ("name", "libraries"),
    [
        ("a.tflite", ()),
        ("a.onnx", ("tf2onnx", "onnxruntime")),
        ("a.xml", ("openvino",)),
        ("a", ()),
    ],
)
def test_exports_keep_names_of_every_kind(tmp_path, name, libraries):
    for library in libraries:
        pytest.importorskip(library)
    detector = Detector(SSDTiny128(len(NAMES)), NAMES)
    path = detector.export(tmp_path / name, check=False)
    assert load_detector(path).class_names == NAMES
