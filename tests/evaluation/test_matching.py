import numpy as np

from keras_ssd.evaluation.matching import match_objects, overlaps_of

NONE = np.zeros(2, bool)


def matched(overlaps, scores, optional=NONE, repeatable=NONE):
    return match_objects(np.array(overlaps), np.array(scores), 0.5, optional, repeatable).tolist()


def test_the_best_score_chooses_first_and_equal_scores_keep_their_order():
    assert matched([[0.9, 0.0], [0.6, 0.0]], [0.3, 0.8]) == [-1, 0]
    assert matched([[0.6, 0.0], [0.9, 0.0]], [0.5, 0.5]) == [0, -1]


def test_a_detection_takes_the_next_best_object_if_the_best_is_taken():
    assert matched([[0.9, 0.0], [0.8, 0.5]], [0.9, 0.8]) == [0, 1]
    assert matched([[0.9, 0.0], [0.8, 0.49]], [0.9, 0.8]) == [0, -1]


def test_an_optional_object_is_taken_only_if_no_other_is_left():
    optional = np.array([True, False])
    assert matched([[0.9, 0.6], [0.9, 0.6], [0.9, 0.6]], [0.9, 0.8, 0.7], optional) == [1, 0, -1]


def test_any_number_of_detections_take_a_repeatable_object():
    hard = np.array([True, False])
    assert matched([[0.9, 0.6], [0.9, 0.6], [0.9, 0.6]], [0.9, 0.8, 0.7], hard, hard) == [1, 0, 0]


def test_no_objects_and_no_detections_match_nothing():
    none = np.zeros(0, bool)
    assert match_objects(np.zeros((2, 0)), np.ones(2), 0.5, none, none).tolist() == [-1, -1]
    assert match_objects(np.zeros((0, 2)), np.ones(0), 0.5, NONE, NONE).tolist() == []


def test_the_overlap_with_a_difficult_object_is_the_share_inside_it(objects_in, found_in):
    sample = objects_in("a", (0, (0, 0, 100, 100)), (0, (0, 0, 100, 100), True))
    found = found_in("a", (0, (0, 0, 50, 100), 0.9), (0, (50, 0, 150, 100), 0.8))
    # The second box has 5,000 of its 10,000 pixels inside; the union is 15,000.
    np.testing.assert_allclose(overlaps_of(sample, found), [[0.5, 1.0], [1 / 3, 0.5]])


def test_a_box_without_area_overlaps_nothing(objects_in, found_in):
    sample = objects_in("a", (0, (0, 0, 100, 100)), (0, (0, 0, 100, 100), True))
    overlaps = overlaps_of(sample, found_in("a", (0, (10, 10, 10, 10), 0.9)))
    np.testing.assert_array_equal(overlaps, [[0.0, 0.0]])
