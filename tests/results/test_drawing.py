"""Boxes with names drawn into an image: detections and annotations."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_ssd.results import Detections, draw_boxes, draw_detections
from keras_ssd.results.drawing import class_color

GRAY = 90


def gray_image(height, width):
    return np.full((height, width, 3), GRAY, np.uint8)


def detections(size, *objects, class_names=("cat", "dog", "bird")):
    """Returns detections; each of `objects` is (label, score, box in pixels)."""
    return Detections(
        image="x",
        size=size,
        boxes=np.array([box for _, _, box in objects], np.float32).reshape(-1, 4),
        labels=np.array([label for label, _, _ in objects], np.int32),
        scores=np.array([score for _, score, _ in objects], np.float32),
        class_names=class_names,
    )


def draw(size, *objects, **names):
    return draw_detections(gray_image(*size), detections(size, *objects, **names))


def bounds(mask):
    """Returns (x1, y1, x2, y2) of the true pixels, the last two exclusive."""
    ys, xs = np.nonzero(mask)
    return xs.min(), ys.min(), xs.max() + 1, ys.max() + 1


def label_of(label, score, **names):
    """Returns the label as it looks on a box in the middle of a 500 px image."""
    drawn = draw((500, 500), (label, score, (100, 200, 400, 400)), **names)
    x1, y1, x2, y2 = bounds((drawn[:200] != GRAY).any(axis=-1))
    return drawn[y1:y2, x1:x2]


def contains(image, part):
    """Tells whether `part` is anywhere in the image, pixel for pixel."""
    scores = cv2.matchTemplate(image, part, cv2.TM_SQDIFF)
    _, _, (x, y), _ = cv2.minMaxLoc(scores)
    height, width = part.shape[:2]
    return np.array_equal(image[y : y + height, x : x + width], part)


def test_nothing_found_gives_an_equal_copy():
    image = gray_image(20, 30)
    drawn = draw_detections(image, detections((20, 30)))
    np.testing.assert_array_equal(drawn, image)
    assert not np.shares_memory(drawn, image)


def test_the_input_stays_as_it_was():
    image = gray_image(200, 300)
    draw_detections(image, detections((200, 300), (0, 0.9, (20, 50, 200, 150))))
    np.testing.assert_array_equal(image, gray_image(200, 300))


@pytest.mark.parametrize(
    "image",
    [
        gray_image(20, 30).astype(np.float32),
        gray_image(20, 30)[..., 0],
        np.zeros((20, 30, 4), np.uint8),
        "a.jpg",
    ],
)
def test_an_image_of_another_type_is_refused(image):
    with pytest.raises(ValueError, match=r"^image: expected an RGB uint8 array \(H, W, 3\)"):
        draw_detections(image, detections((20, 30)))


def test_an_image_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"^image: .* \(20, 30\) .* not \(30, 20\)$"):
        draw_detections(gray_image(30, 20), detections((20, 30)))


def test_an_image_of_pil_is_drawn_into_a_copy():
    image = Image.fromarray(gray_image(500, 500))
    one = detections((500, 500), (0, 0.9, (100, 150, 300, 400)))
    np.testing.assert_array_equal(
        draw_detections(image, one), draw_detections(gray_image(500, 500), one)
    )
    assert (np.asarray(image) == GRAY).all()


def test_the_frame_has_the_color_of_the_class_and_its_inside_is_untouched():
    drawn = draw((500, 500), (1, 0.9, (100, 150, 300, 400)))
    color = class_color(1)
    for edge in (
        drawn[150:152, 100:300],
        drawn[398:400, 100:300],
        drawn[150:400, 100:102],
        drawn[150:400, 298:300],
    ):
        assert (edge == color).all()
    assert (drawn[152:398, 102:298] == GRAY).all()
    # Outside of the box only the label is drawn, on top of the box at its left.
    changed = (drawn != GRAY).any(axis=-1)
    changed[150:400, 100:300] = False
    x1, y1, x2, y2 = bounds(changed)
    assert (x1, y2) == (100, 150)
    assert 10 < y2 - y1 < 25
    assert changed[y1:y2, x1:x2].all()


def test_the_label_is_a_plate_of_the_class_color_with_ink_on_it():
    plate = label_of(1, 0.9)
    assert (plate[[0, 0, -1, -1], [0, -1, 0, -1]] == class_color(1)).all()
    on_plate = (plate == class_color(1)).all(axis=-1).mean()
    assert 0.5 < on_plate < 0.9
    assert not np.array_equal(plate, label_of(1, 0.4))  # the score is part of it


@pytest.mark.parametrize("label", range(30))
def test_ink_stands_out_from_every_plate(label):
    plate = label_of(label, 0.5, class_names=("class",) * 30)
    colors = plate.reshape(-1, 3)
    ink = colors[np.abs(colors.astype(int) - class_color(label)).sum(axis=1).argmax()]
    assert ink.tolist() in ([0, 0, 0], [255, 255, 255])

    def luminance(rgb):  # WCAG 2.1
        c = np.array(rgb) / 255
        return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ (
            0.2126,
            0.7152,
            0.0722,
        )

    dark, light = sorted([luminance(ink), luminance(class_color(label))])
    assert (light + 0.05) / (dark + 0.05) > 3


def test_the_colors_of_80_classes_differ_visibly():
    colors = np.array([[class_color(label) for label in range(80)]], np.float32) / 255
    lab = cv2.cvtColor(colors, cv2.COLOR_RGB2LAB)[0]
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    between_all = distances[np.triu_indices(80, 1)]
    between_first_20 = distances[:20, :20][np.triu_indices(20, 1)]
    assert between_all.min() > 5  # 2.3 is the least that people notice
    assert between_first_20.min() > 20


def test_a_class_has_its_color_for_good():
    assert class_color(0) == (255, 194, 38)
    assert class_color(np.int32(14)) == class_color(14) == (213, 140, 255)


@pytest.mark.parametrize(
    ("size", "line_width", "plate_height"),
    [((100, 100), 1, 14), ((500, 500), 2, 17), ((6000, 8000), 28, 226)],
)
def test_lines_and_letters_grow_with_the_image(size, line_width, plate_height):
    height, width = size
    x1, y1, x2, y2 = width // 5, height // 2, width * 4 // 5, height * 9 // 10
    drawn = draw(size, (0, 0.9, (x1, y1, x2, y2)))
    drawn = drawn[..., 0]
    column = drawn[:, width * 3 // 4] != GRAY  # right of the label
    assert column[y1 : y1 + line_width].all()
    assert column.sum() == 2 * line_width
    _, top, _, bottom = bounds(drawn[:y1] != GRAY)
    assert bottom - top == pytest.approx(plate_height, abs=2)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_where_boxes_cross_the_more_confident_one_is_on_top(order):
    objects = [(0, 0.9, (50, 200, 450, 450)), (1, 0.6, (200, 100, 300, 300))]
    drawn = draw((500, 500), *[objects[index] for index in order])
    np.testing.assert_array_equal(drawn[200, 200], class_color(0))


def test_a_label_lies_over_the_frames_of_better_boxes():
    drawn = draw((500, 500), (0, 0.9, (50, 50, 450, 450)), (1, 0.6, (40, 460, 300, 490)))
    assert contains(drawn, label_of(1, 0.6))


def test_labels_of_boxes_that_coincide_do_not_cover_each_other():
    objects = [(label, 0.9 - label / 10, (100, 200, 400, 400)) for label in range(8)]
    drawn = draw((500, 500), *objects, class_names=tuple("abcdefgh"))
    for label, score, _ in objects:
        assert contains(drawn, label_of(label, score, class_names=tuple("abcdefgh")))


@pytest.mark.parametrize("box", [(200, 200, 260, 230), (0, 0, 20, 5), (480, 495, 500, 500)])
def test_the_best_label_is_whole_even_in_a_crowd(box):
    crowd = [(label, 0.9 - label / 100, box) for label in range(60)]
    drawn = draw((500, 500), *crowd, class_names=("class",) * 60)
    assert contains(drawn, label_of(0, 0.9, class_names=("class",)))


@pytest.mark.parametrize("x1", [0, 220, 495])
@pytest.mark.parametrize("y1", [0, 220, 495])
def test_the_whole_label_is_in_the_image_wherever_the_box_lies(x1, y1):
    drawn = draw((500, 500), (0, 0.9, (x1, y1, x1 + 5, y1 + 5)))
    assert contains(drawn, label_of(0, 0.9))


def test_a_label_wider_than_the_image_shrinks_into_it():
    size = (300, 100)
    drawn = draw(size, (0, 0.9, (0, 150, 100, 250)), class_names=("a very long name of a class",))
    x1, y1, x2, y2 = bounds((drawn[:150] != GRAY).any(axis=-1))
    assert x1 == 0
    assert x2 >= 99
    assert y2 == 150
    rightmost_ink = bounds(np.abs(drawn[y1:y2].astype(int) - class_color(0)).sum(axis=-1) > 300)[2]
    assert 80 < rightmost_ink < 99  # the score, too, is in the image


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (7, 7)])
def test_images_too_small_for_a_label_are_drawn_all_the_same(size):
    height, width = size
    drawn = draw(size, (0, 0.9, (0, 0, width, height)))
    assert drawn.shape == (height, width, 3)
    assert (drawn != GRAY).any()


def test_a_box_that_sticks_out_is_drawn_as_far_as_it_is_in_the_image():
    inside = draw((500, 500), (0, 0.9, (0, 100, 500, 500)))
    beyond = draw((500, 500), (0, 0.9, (-50, 100, 5000, 600)))
    np.testing.assert_array_equal(inside, beyond)


@pytest.mark.parametrize(("x", "column"), [(0, 0), (250, 250), (500, 499)])
def test_a_box_without_area_shows_as_a_line_of_one_pixel(x, column):
    drawn = draw((500, 500), (0, 0.9, (x, 100, x, 400)))
    changed = (drawn[200:400] != GRAY).any(axis=-1)  # below the label
    assert np.flatnonzero(changed.any(axis=0)).tolist() == [column]
    assert (drawn[200:400, column] == class_color(0)).all()


def test_opencv_without_unicode_drops_accents_and_marks_other_letters(monkeypatch):
    monkeypatch.delattr(cv2, "FontFace", raising=False)
    for name, written in (("Bär", "Bar"), ("\uff23at", "Cat"), ("犬", "?"), ("Straße", "Stra?e")):
        np.testing.assert_array_equal(
            label_of(0, 0.9, class_names=(name,)), label_of(0, 0.9, class_names=(written,))
        )


@pytest.mark.skipif(not hasattr(cv2, "FontFace"), reason="OpenCV before 5 writes only ASCII")
def test_opencv_with_unicode_writes_names_as_they_are():
    question_mark = label_of(0, 0.9, class_names=("?",))
    for name in ("ä", "犬", "ж"):
        label = label_of(0, 0.9, class_names=(name,))
        assert not np.array_equal(label, question_mark)
        assert not np.array_equal(label, label_of(0, 0.9, class_names=("a",)))
    # Half a surrogate pair, as in a file name that is no UTF-8, would crash the interpreter.
    np.testing.assert_array_equal(label_of(0, 0.9, class_names=("\udcff",)), question_mark)


def test_a_very_long_name_is_cut_short():
    long = label_of(0, 0.9, class_names=("a" * 100_000,))
    np.testing.assert_array_equal(long, label_of(0, 0.9, class_names=("a" * 100,)))


def test_tracked_objects_have_their_numbers_in_the_text_and_in_the_color():
    boxes = [(0, 0.9, (20, 50, 100, 150)), (0, 0.8, (150, 50, 280, 150))]
    found = replace(detections((200, 300), *boxes), track_ids=[3, -1])
    drawn = draw_detections(gray_image(200, 300), found)
    expected = draw_boxes(
        gray_image(200, 300), found.boxes, ["cat #3", "cat"], found.scores, labels=[3, 0]
    )
    np.testing.assert_array_equal(drawn, expected)
