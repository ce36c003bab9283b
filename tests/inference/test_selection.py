"""The objects that are wanted, by class and score."""

import numpy as np
import pytest

from keras_ssd.inference.selection import Selection
from keras_ssd.results import Detections

NAMES = ("cat", "dog", "car")


@pytest.mark.parametrize(
    ("threshold", "classes", "lowest"),
    [
        (0.5, None, [0.5, 0.5, 0.5]),
        (0, None, [0, 0, 0]),
        ({}, None, [0.25, 0.25, 0.25]),
        ({"dog": 0.9}, None, [0.25, 0.9, 0.25]),
        ({"dog": 0.9, "*": 0.1}, None, [0.1, 0.9, 0.1]),
        (0.5, ["car", "cat"], [0.5, np.inf, 0.5]),
        (0.5, "dog", [np.inf, 0.5, np.inf]),
        ({"dog": 0.9}, ["dog"], [np.inf, 0.9, np.inf]),
        (0.5, [], [np.inf] * 3),
    ],
)
def test_each_class_has_its_lowest_score(threshold, classes, lowest):
    assert Selection(NAMES, threshold, classes).lowest.tolist() == lowest


def test_a_score_equal_to_the_threshold_is_wanted():
    scores = np.float32([0.9, 0.7, 0.6999, 0.1])
    found = Detections("a", (4, 4), np.zeros((4, 4)), [0, 1, 1, 2], scores, NAMES)
    selection = Selection(NAMES, {"cat": 0.95, "dog": 0.7, "car": 0.1})
    assert selection(found).scores.tolist() == scores[[1, 3]].tolist()


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), "0.4", {"cat": 2}, {"*": -1}])
def test_a_threshold_beyond_0_to_1_is_refused(threshold):
    with pytest.raises(ValueError, match=r"confidence_threshold( of (cat|\*))?: expected 0 to 1"):
        Selection(NAMES, threshold)


def test_a_class_that_the_detector_does_not_have_is_named():
    with pytest.raises(ValueError, match="classes: the detector has no class 'bird'; it has cat, "):
        Selection(NAMES, 0.5, ["cat", "bird"])
    with pytest.raises(ValueError, match="confidence_threshold: the detector has no class 'bird'"):
        Selection(NAMES, {"bird": 0.5})
