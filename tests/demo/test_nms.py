import numpy as np
import pytest

from keras_ssd.demo.nms import StricterNMS
from keras_ssd.inference.protocol import ObjectDetector


class Boxes(ObjectDetector):
    """Finds the same boxes in every image of a batch, of classes that alternate."""

    class_names, image_size = ("cat", "dog"), 8

    def __init__(self, boxes):
        self.boxes = np.array(boxes, np.float32).reshape(-1, 4)

    def predict_on_batch(self, images):
        count, empty = len(self.boxes), 2
        one = {
            "boxes": np.pad(self.boxes, ((0, empty), (0, 0))),
            "labels": np.pad(np.arange(count, dtype=np.int32) % 2, (0, empty), constant_values=-1),
            "scores": np.pad(np.linspace(0.9, 0.1, count, dtype=np.float32), (0, empty)),
            "num_detections": np.int32(count),
        }
        return {name: np.stack([value] * len(images)) for name, value in one.items()}


def slow_nms(boxes, labels, limit):
    """Returns the rows that are kept, by the definition."""
    kept = []
    for row, (x1, y1, x2, y2) in enumerate(boxes.astype(float)):
        for other in kept:
            a1, b1, a2, b2 = boxes[other].astype(float)
            shared = max(0, min(x2, a2) - max(x1, a1)) * max(0, min(y2, b2) - max(y1, b1))
            union = (x2 - x1) * (y2 - y1) + (a2 - a1) * (b2 - b1) - shared
            if labels[row] == labels[other] and shared > limit * union:
                break
        else:
            kept.append(row)
    return kept


IMAGES = np.zeros((2, 8, 8, 3), np.uint8)


@pytest.mark.parametrize("limit", [0.0, 0.2, 0.45, 1.0])
def test_it_keeps_what_nms_by_its_definition_keeps(limit):
    corners = np.random.default_rng(0).uniform(0, 0.5, (60, 4))
    detector = Boxes(np.concatenate([corners[:, :2], corners[:, :2] + corners[:, 2:]], axis=1))
    rows = slow_nms(detector.boxes, np.arange(60) % 2, limit)
    assert (len(rows) == 60) == (limit == 1)
    before = detector.predict_on_batch(IMAGES)
    after = StricterNMS(detector, limit).predict_on_batch(IMAGES)
    for image in range(2):
        assert after["num_detections"][image] == len(rows)
        for name in ("boxes", "labels", "scores"):
            np.testing.assert_array_equal(
                after[name][image][: len(rows)], before[name][image][rows]
            )


def test_what_is_dropped_leaves_empty_rows_and_the_types_stay():
    detector = Boxes([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]])
    before = detector.predict_on_batch(IMAGES)
    after = StricterNMS(detector, 0.5).predict_on_batch(IMAGES)
    assert after["labels"].tolist() == [[0, 1, -1, -1, -1]] * 2
    assert after["scores"][0].tolist() == pytest.approx([0.9, 0.5, 0, 0, 0])
    assert not after["boxes"][0, 2:].any()
    assert {name: (value.dtype, value.shape) for name, value in after.items()} == {
        name: (value.dtype, value.shape) for name, value in before.items()
    }


def test_nothing_stays_nothing():
    after = StricterNMS(Boxes([]), 0.5).predict_on_batch(IMAGES)
    assert after["num_detections"].tolist() == [0, 0]
