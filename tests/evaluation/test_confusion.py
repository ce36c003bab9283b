import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.confusion import confusion_matrix

NAMES = ("cat", "dog", "bird")
CAT, DOG, BIRD, BACKGROUND = range(4)
BOX, ELSEWHERE = (100, 100, 200, 200), (400, 300, 500, 400)


def matrix_of(sample, found, score_threshold=0.5):
    data = AnnotatedImages([sample], NAMES)
    return confusion_matrix([found], data, score_threshold=score_threshold)


def expected(*cells):
    counts = np.zeros((4, 4), int)
    for row, column in cells:
        counts[row, column] += 1
    return counts


def test_right_wrong_missed_and_invented_objects_are_in_their_cells(objects_in, found_in):
    sample = objects_in("a", (CAT, BOX), (DOG, ELSEWHERE), (BIRD, (0, 0, 50, 50)))
    found = found_in("a", (CAT, BOX, 0.9), (BIRD, ELSEWHERE, 0.8), (DOG, (300, 0, 350, 50), 0.7))
    wanted = expected((CAT, CAT), (DOG, BIRD), (BACKGROUND, DOG), (BIRD, BACKGROUND))
    np.testing.assert_array_equal(matrix_of(sample, found), wanted)


def test_the_right_class_finds_its_object_before_a_wrong_one_that_fits_better(objects_in, found_in):
    found = found_in("a", (DOG, BOX, 0.9), (CAT, (100, 100, 200, 170), 0.6))
    wanted = expected((CAT, CAT), (BACKGROUND, DOG))
    np.testing.assert_array_equal(matrix_of(objects_in("a", (CAT, BOX)), found), wanted)


def test_of_two_wrong_classes_the_one_that_fits_better_is_the_mistake(objects_in, found_in):
    found = found_in("a", (BIRD, (100, 100, 200, 170), 0.9), (DOG, BOX, 0.6))
    wanted = expected((CAT, DOG), (BACKGROUND, BIRD))
    np.testing.assert_array_equal(matrix_of(objects_in("a", (CAT, BOX)), found), wanted)


def test_scores_below_the_threshold_do_not_count(objects_in, found_in):
    sample = objects_in("a", (CAT, BOX))
    missed, right = expected((CAT, BACKGROUND)), expected((CAT, CAT))
    for score, wanted in ((0.4, missed), (0.5, right), (0.6, right)):
        found = found_in("a", (CAT, BOX, score))
        np.testing.assert_array_equal(matrix_of(sample, found), wanted)


def test_difficult_objects_and_their_detections_are_left_out(objects_in, found_in):
    sample = objects_in("a", (CAT, BOX, True))
    found = found_in("a", (CAT, BOX, 0.9), (CAT, (120, 120, 150, 150), 0.8))
    np.testing.assert_array_equal(matrix_of(sample, found), expected())
    np.testing.assert_array_equal(matrix_of(sample, found_in("a")), expected())


@pytest.mark.parametrize("seed", range(3))
def test_rows_add_up_to_the_objects_and_columns_to_the_detections(random_data, seed):
    detections, data = random_data(seed)
    counts = confusion_matrix(detections, data, score_threshold=0.3)
    objects = np.concatenate([sample.labels[~sample.difficult] for sample in data])
    np.testing.assert_array_equal(counts.sum(axis=1)[:3], np.bincount(objects, minlength=3))
    found = np.concatenate([found.above(0.3).labels for found in detections])
    assert (counts.sum(axis=0)[:3] <= np.bincount(found, minlength=3)).all()
    without = AnnotatedImages(
        [sample for sample in data if not sample.difficult.any()], data.class_names
    )
    found = [one for one in detections if one.image in {sample.id for sample in without}]
    counts = confusion_matrix(found, without, score_threshold=0.3)
    found = np.concatenate([one.above(0.3).labels for one in found])
    np.testing.assert_array_equal(counts.sum(axis=0)[:3], np.bincount(found, minlength=3))
    assert counts[BACKGROUND, BACKGROUND] == 0
