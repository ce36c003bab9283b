"""`compare`, on made-up outputs of a network and an export."""

import numpy as np
import pytest

from keras_ssd.config import FeatureMap, SSDConfig
from keras_ssd.default_boxes import default_boxes
from keras_ssd.formats.comparison import Differences, compare

CONFIG = SSDConfig("four", 8, (FeatureMap(2, 0.5, ((0.5, 0.5),)),))
IMAGES = np.zeros((1, 8, 8, 3), np.uint8)
LOGITS = np.log(np.float32([[8, 1, 1], [1, 8, 1], [2, 2, 4], [8, 1, 1]]))
# Softmax: rows (0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.25, 0.25, 0.5), (0.8, 0.1, 0.1); two classes.
CORNERS = [[0, 0, 0.5, 0.5], [0.5, 0, 1, 0.5], [0, 0.5, 0.5, 1], [0.5, 0.5, 1, 1]]
FOUND = [(1, 0, 0.8), (2, 1, 0.5), (2, 0, 0.25)]


class FakeSSD:
    def predict(self, images, **options):
        return {"offsets": np.zeros((1, 4, 4), np.float32), "classes": LOGITS[None]}


class FakeDetector:
    ssd, config, confidence_threshold = FakeSSD(), CONFIG, 0.05


class FakeExport:
    """Finds the given (default box, label, score), and has room for one more."""

    def __init__(self, found, raw=None, shift=0.0, room=1):
        boxes = [np.add(CORNERS[box], shift) for box, _, _ in found]
        self.found = {
            "boxes": np.float32([[*boxes, *[[0] * 4] * room]]),
            "labels": np.int32([[*(label for _, label, _ in found), *[-1] * room]]),
            "scores": np.float32([[*(score for _, _, score in found), *[0] * room]]),
            "num_detections": np.int32([len(found)]),
        }
        self.raw = raw

    def predict(self, images, batch_size):
        return self.found

    def raw_outputs(self, images):
        return self.raw


def differences(*arguments, **options):
    return compare(FakeDetector(), FakeExport(*arguments, **options), IMAGES)


def test_the_boxes_of_this_test_are_the_default_boxes():
    centers = default_boxes(CONFIG)
    corners = np.concatenate(
        [centers[:, :2] - centers[:, 2:] / 2, centers[:, :2] + centers[:, 2:] / 2], axis=1
    )
    np.testing.assert_allclose(corners, CORNERS)


def test_the_same_detections_do_not_differ():
    found = differences(FOUND, raw=FakeSSD().predict(IMAGES))
    assert (found.offsets, found.classes) == (0, 0)
    assert max(found.boxes, found.scores, found.lost) < 1e-6


def test_what_nms_keeps_of_equal_candidates_is_no_difference():
    # The class 0 is 0.1 in the default boxes 0 and 3 alike.
    for box in (0, 3):
        found = differences([*FOUND, (box, 0, 0.1)])
        assert max(found.boxes, found.scores, found.lost) < 1e-6


def test_differences_of_boxes_and_scores_are_root_mean_squares_over_the_detections():
    moved = differences(FOUND, shift=0.03)
    assert moved.boxes == pytest.approx(0.03, abs=1e-6)
    lower = differences([(1, 0, 0.8), (2, 1, 0.46), (2, 0, 0.22)])
    assert lower.scores == pytest.approx(np.sqrt((0 + 0.04**2 + 0.03**2) / 3), abs=1e-6)
    assert lower.boxes == pytest.approx(0, abs=1e-6)


def test_a_detection_of_another_class_or_place_is_far_from_all_candidates():
    # The class 1 scores 0.5 at most, half an image away; one of four detections differs.
    found = differences([*FOUND, (1, 1, 0.9)])
    assert (found.boxes, found.scores) == pytest.approx((0.5 / 2, 0.4 / 2))
    # The class 0 scores 0.8 half an image away.
    found = differences([*FOUND, (0, 0, 0.9)])
    assert (found.boxes, found.scores) == pytest.approx((0.5 / 2, 0.1 / 2))


@pytest.mark.parametrize(
    ("found", "shares"),
    [
        ([(1, 0, 0.8), (2, 1, 0.4)], (0, 0.2)),  # the class 1: 0.4 in place of 0.5
        ([(1, 0, 0.8)], (0, 0.9)),  # nothing of it: the threshold is a tenth of 0.5
        ([], (0.9375, 0.9)),
    ],
)
def test_the_best_candidate_of_a_class_that_is_not_found_is_lost(found, shares):
    assert differences(found).lost == pytest.approx(np.sqrt(np.mean(np.square(shares))), rel=1e-5)


def test_nothing_is_lost_where_there_is_no_room():
    assert differences([(1, 0, 0.8)], room=0).lost == pytest.approx(0, abs=1e-6)
    assert differences([(2, 1, 0.5)], room=0).lost > 0.2  # 0.8 has room before 0.5


def test_raw_outputs_are_compared_relative_to_their_standard_deviation():
    changed = LOGITS.copy()
    changed[0, 0] += 1.0
    raw = {"offsets": np.full((1, 4, 4), 0.005, np.float32), "classes": changed[None]}
    found = differences(FOUND, raw=raw)
    assert found.classes == pytest.approx(np.sqrt(1 / 12) / LOGITS.std(), rel=1e-5)
    assert found.offsets == pytest.approx(0.5)  # offsets that are all equal count as if 0.01 apart


def test_what_exceeds_its_bound_or_is_not_a_number_is_named_and_what_is_absent_is_not():
    bounds = Differences(0.1, 0.1, 0.1, 0.1, 0.1)
    assert Differences(0.1, 0.1, 0.1, 0.1, 0.1).exceeding(bounds) == []
    assert Differences(None, None, 0.2, 0.1, float("nan")).exceeding(bounds) == ["boxes", "lost"]
    assert Differences(None, None, 0.25, 0, 3e-7).with_bounds(bounds) == (
        "boxes 0.25 (allowed 0.1), scores 0 (allowed 0.1), lost scores 3e-07 (allowed 0.1)"
    )
