"""What a detector found, and how it is written."""

import json
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.results.detections import Detections, write_json

NAMES = ("cat", "dog")
# Two images; the first holds two objects, the second none; padding has label -1.
PREDICTION = {
    "boxes": np.array(
        [[[0.25, 0.5, 1.0, 1.0], [0.0, 0.125, 0.5, 0.25], [0, 0, 0, 0]], np.zeros((3, 4))]
    ),
    "labels": np.array([[1, 0, -1], [-1, -1, -1]]),
    "scores": np.array([[0.75, 0.5, 0.0], [0.0, 0.0, 0.0]]),
    "num_detections": np.array([2, 0]),
}


def found(index=0, size=(40, 200), image="a/b.jpg"):
    return Detections.from_prediction(PREDICTION, index, image, size, NAMES)


def test_an_image_without_objects_gives_empty_arrays_of_the_right_shape():
    nothing = found(index=1)
    assert len(nothing) == 0
    assert nothing.boxes.shape == (0, 4)
    assert nothing.labels.shape == nothing.scores.shape == (0,)
    assert nothing.to_records() == []
    assert len(nothing.above(0.0)) == 0


def test_x_scales_with_the_width_and_y_with_the_height_and_padding_is_left_out():
    detections = found(size=(40, 200))  # height, width
    np.testing.assert_array_equal(detections.boxes, [[50, 20, 200, 40], [0, 5, 100, 10]])
    np.testing.assert_array_equal(detections.labels, [1, 0])
    np.testing.assert_array_equal(detections.scores, [0.75, 0.5])
    assert detections.size == (40, 200)
    assert (detections.boxes.dtype, detections.labels.dtype) == (np.float32, np.int32)


@pytest.mark.parametrize(("threshold", "left"), [(0.0, 2), (0.5, 2), (0.51, 1), (0.76, 0)])
def test_a_score_equal_to_the_threshold_stays(threshold, left):
    assert len(found().above(threshold)) == left


def test_above_keeps_each_box_with_its_label_and_score():
    best = found().above(0.6)
    np.testing.assert_array_equal(best.boxes, [[50, 20, 200, 40]])
    assert best.to_records()[0]["label"] == "dog"
    assert (best.image, best.size, best.class_names) == ("a/b.jpg", (40, 200), NAMES)


def test_records_are_plain_values_with_class_names():
    assert found().to_records() == [
        {"image": "a/b.jpg", "label": "dog", "score": 0.75, "box": [50.0, 20.0, 200.0, 40.0]},
        {"image": "a/b.jpg", "label": "cat", "score": 0.5, "box": [0.0, 5.0, 100.0, 10.0]},
    ]


def test_the_file_is_one_array_over_all_images(tmp_path):
    path = tmp_path / "new" / "found.json"
    write_json([found(image="1"), found(index=1), found(image="ü.jpg")], path)
    assert [record["image"] for record in json.loads(path.read_text())] == ["1", "1"] + [
        "ü.jpg"
    ] * 2
    assert [entry.name for entry in path.parent.iterdir()] == ["found.json"]


def test_nothing_found_is_an_empty_array(tmp_path):
    write_json([], tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text()) == []


def test_a_full_disk_leaves_the_earlier_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "found.json"
    write_json([found()], path)
    earlier = path.read_bytes()

    def write_half(self, text):
        self.write_bytes(text[: len(text) // 2].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)
    with pytest.raises(OSError, match="No space"):
        write_json([found(), found()], path)
    assert path.read_bytes() == earlier
