import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.f1 import f1_curves
from keras_ssd.evaluation.voc import evaluate_voc

BOX, ELSEWHERE = (100, 100, 200, 200), (400, 300, 500, 400)


def test_precision_recall_and_f1_follow_the_score(objects_in, found_in):
    data = AnnotatedImages([objects_in("a", (0, BOX), (0, ELSEWHERE))], ("cat", "dog"))
    found = found_in("a", (0, BOX, 0.7), (0, (0, 0, 50, 50), 0.5), class_names=("cat", "dog"))
    curves = f1_curves(evaluate_voc([found], data))
    assert curves.scores[[0, 70, 100]].tolist() == [0.0, 0.7, 1.0]
    at = [0, 50, 51, 70, 71]  # both, both, one, one (0.7 of float32 is a little less), none
    np.testing.assert_allclose(curves.precision[0, at], [0.5, 0.5, 1.0, 1.0, np.nan])
    np.testing.assert_allclose(curves.recall[0, at], [0.5, 0.5, 0.5, 0.5, 0.0])
    np.testing.assert_allclose(curves.f1[0, at], [0.5, 0.5, 2 / 3, 2 / 3, 0.0])
    # There are no dogs: their F1 is not part of the mean.
    assert np.isnan(curves.f1[1]).all()
    np.testing.assert_allclose(curves.mean_f1, curves.f1[0])
    assert curves.best_score == 0.51


def test_without_objects_f1_is_nan_and_the_best_score_is_the_middle(objects_in, found_in):
    data = AnnotatedImages([objects_in("a")], ("cat",))
    found = found_in("a", (0, BOX, 0.9), class_names=("cat",))
    curves = f1_curves(evaluate_voc([found], data))
    assert np.isnan(curves.mean_f1).all()
    assert curves.best_score == 0.5
    assert curves.precision[0, 0] == 0.0


def test_without_detections_f1_is_zero(objects_in):
    data = AnnotatedImages([objects_in("a", (0, BOX))], ("cat",))
    curves = f1_curves(evaluate_voc([], data))
    assert not curves.f1.any()
    assert np.isnan(curves.precision).all()


def test_random_data_have_the_figures_of_the_detections_that_are_kept(random_data):
    detections, data = random_data(0)
    curves = f1_curves(evaluate_voc(detections, data))
    assert np.isfinite(curves.f1).all()
    for index in range(0, 101, 10):
        kept = [found.above(curves.scores[index]) for found in detections]
        for label, entry in enumerate(evaluate_voc(kept, data).classes):
            if len(entry.recall):
                precision, recall = entry.precision[-1], entry.recall[-1]
                assert curves.precision[label, index] == pytest.approx(precision)
                assert curves.recall[label, index] == pytest.approx(recall)
                right = recall * entry.num_objects
                f1 = 2 * right / (len(entry.recall) + entry.num_objects)
                assert curves.f1[label, index] == pytest.approx(f1)
