import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd.models import nms

IMPLEMENTATIONS = ["_keras_ops"]
if keras.backend.backend() == "tensorflow":
    IMPLEMENTATIONS.append("_tensorflow_kernel")


@pytest.fixture(params=IMPLEMENTATIONS)
def suppress(request, monkeypatch):
    """`non_max_suppression` of NumPy arrays, with either implementation."""
    if keras.backend.backend() == "tensorflow":
        monkeypatch.setattr(nms, "_tensorflow_kernel", getattr(nms, request.param))

    def run(boxes, scores, confidence_threshold=0.01, iou_threshold=0.45, max_detections=5):
        def call(boxes, scores):
            return nms.non_max_suppression(
                boxes, scores, confidence_threshold, iou_threshold, max_detections
            )

        if keras.backend.backend() == "jax":  # compiled one by one, its operations take seconds
            import jax

            call = jax.jit(call)
        detections = call(
            ops.convert_to_tensor(boxes, dtype="float32"),
            ops.convert_to_tensor(scores, dtype="float32"),
        )
        return {key: ops.convert_to_numpy(value) for key, value in detections.items()}

    return run


def test_without_a_score_above_the_threshold_all_rows_are_padding(suppress):
    found = suppress(np.full((2, 3, 4, 4), [0.1, 0.1, 0.5, 0.5]), np.full((2, 3, 4), 0.01))
    np.testing.assert_array_equal(found["num_detections"], [0, 0])
    np.testing.assert_array_equal(found["boxes"], np.zeros((2, 5, 4)))
    np.testing.assert_array_equal(found["labels"], np.full((2, 5), -1))
    np.testing.assert_array_equal(found["scores"], np.zeros((2, 5)))


def test_a_score_equal_to_the_threshold_does_not_count(suppress):
    boxes = [[[[0.1, 0.1, 0.2, 0.2], [0.3, 0.3, 0.4, 0.4], [0.5, 0.5, 0.6, 0.6]]]]
    found = suppress(boxes, [[[0.75, 0.5, 0.25]]], confidence_threshold=0.5)
    np.testing.assert_array_equal(found["num_detections"], [1])
    np.testing.assert_array_equal(found["scores"], [[0.75, 0, 0, 0, 0]])


def test_a_threshold_of_zero_counts_no_padding(suppress):
    boxes = [[[[0.1, 0.1, 0.2, 0.2], [0.1, 0.1, 0.2, 0.2], [0.5, 0.5, 0.6, 0.6]]]]
    found = suppress(boxes, [[[0.75, 0.5, 0.25]]], confidence_threshold=0.0)
    np.testing.assert_array_equal(found["num_detections"], [2])
    np.testing.assert_array_equal(found["labels"], [[0, 0, -1, -1, -1]])


@pytest.mark.parametrize(("iou_threshold", "kept"), [(0.5, 2), (0.4999, 1)])
def test_an_overlap_equal_to_the_threshold_is_allowed(suppress, iou_threshold, kept):
    boxes = [[[[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0]]]]  # IoU exactly 1/2
    found = suppress(boxes, [[[0.9, 0.8]]], iou_threshold=iou_threshold)
    np.testing.assert_array_equal(found["num_detections"], [kept])


def test_a_suppressed_box_suppresses_none(suppress):
    # 40 boxes in a row; each overlaps its neighbours by IoU 0.6, the next but one by 1/3
    left = np.arange(40) * 0.25
    boxes = np.stack([left, 0 * left, left + 1.0, 0 * left + 1.0], axis=-1)
    found = suppress(boxes[None, None], np.linspace(0.9, 0.1, 40)[None, None], max_detections=40)
    np.testing.assert_array_equal(found["num_detections"], [20])
    np.testing.assert_array_equal(found["boxes"][0, :20], boxes[::2].astype(np.float32))


def test_of_identical_boxes_of_equal_score_one_stays(suppress):
    boxes = np.full((1, 1, 6, 4), [0.2, 0.2, 0.6, 0.6], np.float32)
    found = suppress(boxes, np.full((1, 1, 6), 0.5))
    np.testing.assert_array_equal(found["num_detections"], [1])
    np.testing.assert_array_equal(found["boxes"][0, 0], boxes[0, 0, 0])


def test_boxes_of_different_classes_or_images_do_not_compete(suppress):
    boxes = np.full((2, 2, 1, 4), [0.2, 0.2, 0.6, 0.6])
    found = suppress(boxes, [[[0.9], [0.8]], [[0.6], [0.7]]])
    np.testing.assert_array_equal(found["num_detections"], [2, 2])
    np.testing.assert_array_equal(found["labels"][:, :2], [[0, 1], [1, 0]])
    np.testing.assert_allclose(found["scores"][:, :2], [[0.9, 0.8], [0.7, 0.6]])


def test_boxes_without_area_neither_suppress_nor_go(suppress):
    boxes = [[[[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5], [0.2, 0.5, 0.8, 0.5], [0, 0, 1, 1]]]]
    found = suppress(boxes, [[[0.9, 0.8, 0.7, 0.6]]])
    np.testing.assert_array_equal(found["num_detections"], [4])
    np.testing.assert_array_equal(found["boxes"][:, :4], np.array(boxes, np.float32)[0])


def test_the_best_detections_over_all_classes_are_kept(suppress):
    left = np.arange(4) * 0.25
    row = np.stack([left, 0 * left, left + 0.2, 0 * left + 0.2], axis=-1)
    boxes = np.stack([row, row + np.array([0, 0.5, 0, 0.5])])[
        None
    ]  # (1, 2, 4, 4), none overlaps another
    scores = [[[0.9, 0.7, 0.5, 0.3], [0.8, 0.6, 0.4, 0.2]]]
    found = suppress(boxes, scores, max_detections=3)
    np.testing.assert_array_equal(found["num_detections"], [3])
    np.testing.assert_allclose(found["scores"], [[0.9, 0.8, 0.7]])
    np.testing.assert_array_equal(found["labels"], [[0, 1, 0]])
    expected = boxes[0, [0, 1, 0], [0, 0, 1]].astype(np.float32)
    np.testing.assert_array_equal(found["boxes"][0], expected)


def test_rows_beyond_all_candidates_are_padding(suppress):
    found = suppress([[[[0.1, 0.1, 0.2, 0.2]]]], [[[0.9]]], max_detections=4)
    np.testing.assert_array_equal(found["num_detections"], [1])
    np.testing.assert_array_equal(found["labels"], [[0, -1, -1, -1]])
    np.testing.assert_allclose(found["scores"], [[0.9, 0, 0, 0]])
    np.testing.assert_array_equal(found["boxes"][0, 1:], np.zeros((3, 4)))


def test_labels_and_counts_are_integers(suppress):
    found = suppress([[[[0.1, 0.1, 0.2, 0.2]]]], [[[0.9]]])
    assert {key: str(value.dtype) for key, value in found.items()} == {
        "boxes": "float32",
        "labels": "int32",
        "scores": "float32",
        "num_detections": "int32",
    }
