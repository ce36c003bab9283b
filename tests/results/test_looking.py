"""Looking at detections: as text, one by one, by index and by class."""

import numpy as np
import pytest

from keras_ssd.results import Detection, Detections

NAMES = ("cat", "dog", "person")


def found():
    boxes = [[50, 20, 200, 40], [0, 5, 100, 10]]
    return Detections("a/b.jpg", (40, 200), boxes, [1, 0], [0.75, 0.5], NAMES)


def made(count, boxes=None, scores=None):
    """Detections of `count` objects of alternating classes."""
    boxes = np.tile([[0, 1, 20, 30]], (count, 1)) if boxes is None else boxes
    scores = np.linspace(0.9, 0.2, count) if scores is None else scores
    return Detections("a.jpg", (40, 200), boxes, np.arange(count) % 3, scores, NAMES)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "no detections in a.jpg"),
        (1, "1 detection in a.jpg: cat 0.90"),
        (2, "2 detections in a.jpg: cat 0.90, dog 0.20"),
        (3, "3 detections in a.jpg: cat 0.90, dog 0.55, person 0.20"),
        (
            7,
            "7 detections in a.jpg: "
            "cat 0.90, dog 0.78, person 0.67, cat 0.55, dog 0.43, and 2 more",
        ),
    ],
)
def test_what_was_found_is_said_in_one_line(count, text):
    assert repr(made(count)) == str(made(count)) == text


def test_a_file_name_that_is_not_utf_8_can_be_printed():
    name = b"stra\xdfe.jpg".decode(errors="surrogateescape")  # as Python reads it from a folder
    nothing = Detections(name, (4, 4), [], [], [], NAMES)
    assert str(nothing).encode() == rb"no detections in stra\udcdfe.jpg"


def test_iterating_yields_each_object_with_its_name():
    first, second = found()
    assert isinstance(first, Detection)
    np.testing.assert_array_equal(first.box, [50, 20, 200, 40])
    assert first[1:] == (1, "dog", 0.75)
    assert (type(first.label), type(first.score)) == (int, float)
    assert second[1:] == (0, "cat", 0.5)
    assert found().names == ("dog", "cat")


def test_a_position_gives_one_object():
    assert found()[0].name == found()[np.int64(0)].name == "dog"
    assert found()[-1].name == "cat"
    for position in (2, -3):
        with pytest.raises(IndexError):
            found()[position]


@pytest.mark.parametrize(
    ("index", "scores"),
    [
        ("cat", [0.9, 0.3]),
        ("person", [0.5]),
        (slice(1, 3), [0.7, 0.5]),
        (slice(None, None, -1), [0.3, 0.5, 0.7, 0.9]),
        (np.array([True, False, False, True]), [0.9, 0.3]),
        ([True, False, False, True], [0.9, 0.3]),
        (np.array([3, 0, 0]), [0.3, 0.9, 0.9]),
        ([2], [0.5]),
        ([], []),
        (np.zeros(4, bool), []),
    ],
)
def test_an_index_selects_boxes_labels_and_scores_together(index, scores):
    boxes = np.arange(16, dtype=np.float32).reshape(4, 4)
    detections = made(4, boxes=boxes, scores=[0.9, 0.7, 0.5, 0.3])
    selected = detections[index]
    assert selected.scores.tolist() == np.float32(scores).tolist()
    order = [detections.scores.tolist().index(score) for score in selected.scores]
    np.testing.assert_array_equal(selected.boxes, boxes[order].reshape(-1, 4))
    np.testing.assert_array_equal(selected.labels, np.array([0, 1, 2, 0])[order])
    assert (selected.image, selected.size) == (detections.image, detections.size)


def test_a_class_that_the_detector_does_not_know_is_an_error():
    with pytest.raises(ValueError, match=r"^'persn': expected one of .* cat, dog, person$"):
        found()["persn"]


@pytest.mark.parametrize(
    "index", [[0.5], [True], [5], None, True, np.zeros((2, 4), bool), ["cat"], 0.5]
)
def test_an_index_of_another_type_or_shape_is_an_error(index):
    with pytest.raises(IndexError):
        found()[index]


def test_in_asks_for_an_object_of_a_class():
    assert "dog" in found()
    assert "person" not in found()
    assert 0.75 not in found()


@pytest.mark.parametrize(("threshold", "left"), [(0.0, 2), (0.5, 2), (0.51, 1), (0.76, 0)])
def test_a_score_equal_to_the_threshold_stays(threshold, left):
    assert len(found().above(threshold)) == left
