"""Boxes of annotations, which have no scores, drawn into their image."""

import numpy as np
import pytest

from keras_ssd.results import Detections, draw_boxes, draw_detections
from keras_ssd.results.drawing import class_color

GRAY = 90
BOXES = [[100, 200, 400, 400], [10, 20, 60, 90]]


def gray_image(height=500, width=500):
    return np.full((height, width, 3), GRAY, np.uint8)


def first_label(drawn):
    """The label above the first box, cut out."""
    ys, xs = np.nonzero((drawn[:200] != GRAY).any(axis=-1))
    return drawn[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]


def test_boxes_without_scores_are_drawn_with_their_names_only():
    named = first_label(draw_boxes(gray_image(), BOXES[:1], ["cat"]))
    scored = first_label(draw_boxes(gray_image(), BOXES[:1], ["cat"], [0.5]))
    assert named.shape[0] == scored.shape[0]
    assert named.shape[1] < scored.shape[1]
    assert (named[0, 0] == class_color(0)).all()


def test_detections_are_boxes_with_names_scores_and_labels():
    found = Detections("x", (500, 500), BOXES, [2, 0], [0.4, 0.9], ("cat", "dog", "bird"))
    drawn = draw_boxes(gray_image(), BOXES, ["bird", "cat"], [0.4, 0.9], labels=[2, 0])
    np.testing.assert_array_equal(drawn, draw_detections(gray_image(), found))


def test_without_labels_each_name_has_a_color_of_its_own():
    boxes = [[10, 300, 60, 400], [110, 300, 160, 400], [210, 300, 260, 400]]
    drawn = draw_boxes(gray_image(), boxes, ["dog", "cat", "dog"])
    colors = [tuple(drawn[399, x1].tolist()) for x1 in (10, 110, 210)]
    assert colors == [class_color(0), class_color(1), class_color(0)]


def test_without_scores_the_first_box_is_on_top():
    boxes = [[50, 200, 450, 450], [200, 100, 300, 300]]
    drawn = draw_boxes(gray_image(), boxes, ["a", "b"])
    np.testing.assert_array_equal(drawn[200, 200], class_color(0))


def test_no_boxes_give_a_copy():
    image = gray_image(20, 30)
    drawn = draw_boxes(image, [], [])
    np.testing.assert_array_equal(drawn, image)
    assert not np.shares_memory(drawn, image)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((BOXES, ["cat"]), r"boxes: expected the shape \(1, 4\), not \(2, 4\)"),
        ((BOXES, []), r"boxes: expected the shape \(0, 4\), not \(2, 4\)"),
        ((BOXES, "ab"), "class_names: expected a list of names, not 'ab'"),
        ((BOXES, ["a", "b"], [0.5]), r"scores: expected the shape \(2,\), not \(1,\)"),
        ((BOXES, ["a", "b"], [0.5, np.nan]), "scores: expected finite numbers"),
        (([[np.nan] * 4], ["a"]), "boxes: expected finite numbers"),
    ],
)
def test_arguments_that_do_not_fit_together_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_boxes(gray_image(), *arguments)


@pytest.mark.parametrize("labels", [[0], [0, -1], [0.5, 1]])
def test_labels_that_choose_no_color_are_an_error(labels):
    with pytest.raises(ValueError, match=r"^labels: expected "):
        draw_boxes(gray_image(), BOXES, ["a", "b"], labels=labels)
