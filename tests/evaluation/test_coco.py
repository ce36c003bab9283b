import math
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample
from keras_ssd.evaluation import coco
from keras_ssd.evaluation.coco import COCO_NUMBERS
from keras_ssd.results.detections import Detections

NAMES = ("cat", "dog")
SIZE = (480, 640)
SMALL, MEDIUM, LARGE = (10, 10, 30, 30), (100, 100, 150, 150), (200, 200, 400, 400)


@pytest.fixture(autouse=True, params=["pycocotools", "hotcoco"])
def library(request, monkeypatch):
    """Hides the other one of the two packages."""
    other = {"pycocotools": "hotcoco", "hotcoco": "pycocotools"}[request.param]
    monkeypatch.setitem(sys.modules, other, None)
    pytest.importorskip(request.param)
    return request.param


def make_sample(id, boxes, labels=None, difficult=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return Sample(
        id=id,
        image=Path(f"{id}.jpg"),
        size=SIZE,
        boxes=boxes / np.array([640, 480, 640, 480], np.float32),
        labels=np.array([0] * len(boxes) if labels is None else labels, np.int32),
        difficult=np.array([False] * len(boxes) if difficult is None else difficult, bool),
    )


def make_detections(image, boxes, scores, labels=None):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    labels = np.array([0] * len(boxes) if labels is None else labels, np.int32)
    return Detections(image, SIZE, boxes, labels, np.array(scores, np.float32), NAMES)


def evaluate_coco(detections, samples, class_names=NAMES, **options):
    return coco.evaluate_coco(detections, AnnotatedImages(samples, class_names), **options)


def test_no_detections_score_zero():
    numbers = evaluate_coco([], [make_sample("a", [SMALL, MEDIUM, LARGE])])
    assert numbers == dict.fromkeys(COCO_NUMBERS, 0.0)


def test_no_objects_give_nan():
    numbers = evaluate_coco([make_detections("a", [LARGE], [0.9])], [make_sample("a", [])])
    assert list(numbers) == list(COCO_NUMBERS)
    assert all(math.isnan(value) for value in numbers.values())


def test_neither_objects_nor_detections_give_nan():
    numbers = evaluate_coco([], [make_sample("a", [])])
    assert all(math.isnan(value) for value in numbers.values())


def test_perfect_detections_score_one():
    boxes, labels = [SMALL, MEDIUM, LARGE], [0, 1, 1]
    samples = [make_sample(id, boxes, labels) for id in "ab"]
    found = [make_detections(id, boxes, [0.9, 0.8, 0.7], labels) for id in "ab"]
    numbers = evaluate_coco(found, samples)
    # With one detection per class and image, one of the two dogs is found.
    assert numbers.pop("AR1") == pytest.approx((1 + 0.5) / 2)
    assert numbers == pytest.approx(dict.fromkeys(numbers, 1.0))


def test_an_overlap_of_six_tenths_counts_up_to_that_threshold():
    # 100 x 60 of 100 x 100 pixels, with no +1.
    numbers = evaluate_coco(
        [make_detections("a", [(0, 0, 100, 61)], [0.9])],
        [make_sample("a", [(0, 0, 100, 100)])],
    )
    assert numbers["AP50"] == pytest.approx(1.0)
    assert numbers["AP75"] == 0.0
    assert numbers["AP"] == pytest.approx(0.3)  # 0.50, 0.55 and 0.60 of ten thresholds
    assert numbers["AR100"] == pytest.approx(0.3)


def test_objects_are_sorted_by_the_area_of_their_box():
    sample = make_sample("a", [SMALL, LARGE])
    numbers = evaluate_coco([make_detections("a", [LARGE], [0.9])], [sample])
    assert numbers["APl"] == pytest.approx(1.0)
    assert numbers["APs"] == 0.0
    assert math.isnan(numbers["APm"])


def test_detections_of_a_difficult_object_are_ignored():
    sample = make_sample("a", [MEDIUM, LARGE], difficult=[False, True])
    found = make_detections("a", [LARGE, LARGE, MEDIUM], [0.9, 0.8, 0.7])
    numbers = evaluate_coco([found], [sample])
    assert numbers["AP"] == pytest.approx(1.0)
    # The same detections without the difficult object: two are false.
    numbers = evaluate_coco([found], [make_sample("a", [MEDIUM])])
    assert numbers["AP"] == pytest.approx(1 / 3)


def test_the_first_object_can_be_found():
    # COCOeval would take an object with id 0 for no object.
    numbers = evaluate_coco(
        [make_detections("a", [LARGE, LARGE], [0.9, 0.8])], [make_sample("a", [LARGE])]
    )
    assert numbers["AP"] == pytest.approx(1.0)
    assert numbers["AR1"] == pytest.approx(1.0)


def test_an_unknown_image_is_named():
    with pytest.raises(ValueError, match="image 'b' is not one of the 1 image"):
        evaluate_coco([make_detections("b", [], [])], [make_sample("a", [LARGE])])


def test_nothing_is_printed(capfd):
    evaluate_coco([make_detections("a", [LARGE], [0.9])], [make_sample("a", [LARGE])])
    assert capfd.readouterr() == ("", "")


def test_without_both_packages_the_error_says_how_to_install_one(monkeypatch):
    for name in ("hotcoco", "pycocotools", "pycocotools.coco"):
        monkeypatch.setitem(sys.modules, name, None)
    assert not coco.can_measure_coco()
    with pytest.raises(ImportError, match=r"pip install \"keras-ssd\[train\]\""):
        evaluate_coco([], [make_sample("a", [LARGE])])


def test_both_packages_give_the_same_figures_to_the_last_bit(monkeypatch, random_data):
    detections, data = random_data(0)
    figures = {}
    for name, other in (("hotcoco", "pycocotools"), ("pycocotools", "hotcoco")):
        monkeypatch.undo()
        pytest.importorskip(name)
        monkeypatch.setitem(sys.modules, other, None)
        figures[name] = coco.evaluate_coco(detections, data)
    assert 0 < figures["hotcoco"]["APm"] < figures["hotcoco"]["AP50"] < 1
    one, other = (list(values.values()) for values in figures.values())
    np.testing.assert_array_equal(one, other)
