from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_ssd.data.annotations import ImageAnnotation, ObjectAnnotation
from keras_ssd.data.problems import NoAreaError, Problems
from keras_ssd.data.rules import Rules, apply_rules, check_pixels
from keras_ssd.images import CorruptImageError


def obj(name="dog", box=(10, 10, 20, 20), difficult=False):
    return ObjectAnnotation(name, box, difficult)


def image(*objects, id="a", path=Path(__file__), size=(50, 100)):
    return ImageAnnotation(id, path, size, list(objects), f"{id}.txt")


def apply(*images, problems=None, class_names=("cat", "dog", "eel"), **rules):
    problems = problems or Problems(left_out=(NoAreaError,))
    return apply_rules(list(images), Rules(class_names, **rules), problems)


def apply_one(*objects, **options):
    data = apply(image(*objects), **options)
    return data, data[0]


# Boxes


@pytest.mark.parametrize(
    "box",
    [
        (10, 10, 10, 20),  # no width
        (10, 20, 30, 20),  # no height
        (30, 10, 20, 20),  # corners swapped
        (100, 10, 120, 20),  # right of the image
        (-9, -9, 0, 0),  # above and left of the image
    ],
)
def test_a_box_without_area_is_dropped_and_reported(box):
    data, sample = apply_one(obj("cat"), obj("dog", box), obj("eel"))
    np.testing.assert_array_equal(sample.labels, [0, 2])
    assert sample.boxes.shape == (2, 4)
    assert sample.difficult.shape == (2,)
    [problem] = data.problems
    assert problem == f"left out: a.txt: dog box {box} has no area inside the 100x50 image"


def test_a_box_that_sticks_out_is_clipped_and_reported():
    data, sample = apply_one(obj("dog", (-5, 10, 50, 60)), obj("cat"))
    np.testing.assert_allclose(sample.boxes, [[0, 0.2, 0.5, 1], [0.1, 0.2, 0.2, 0.4]])
    assert data.problems == ["a.txt: dog box (-5, 10, 50, 60) clipped to the 100x50 image"]


def test_what_a_text_file_rounds_is_clipped_without_a_word():
    data, sample = apply_one(obj("dog", (-0.0001, 10, 50, 50.00005)))
    np.testing.assert_array_equal(sample.boxes, np.float32([[0, 0.2, 0.5, 1]]))
    assert data.problems == []


def test_a_size_not_told_is_that_of_the_image(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((20, 32, 3), np.uint8))
    sample = apply(image(obj(box=(8, 5, 16, 10)), path=path, size=None))[0]
    assert sample.size == (20, 32)
    np.testing.assert_allclose(sample.boxes, [[0.25, 0.25, 0.5, 0.5]])


def test_two_images_of_the_same_name_are_an_error_naming_both():
    with pytest.raises(ValueError, match=r"a\.txt: .*same name, 'a', as that of a\.txt"):
        apply(image(obj()), image(obj(), id="b"), image(obj()))


# Classes


def test_labels_follow_the_order_of_the_class_names_given():
    data, sample = apply_one(obj("dog"), obj("cat"), class_names=["eel", "dog", "cat"])
    assert data.class_names == ("eel", "dog", "cat")
    np.testing.assert_array_equal(sample.labels, [1, 2])


def test_an_unknown_class_is_an_error_naming_file_class_and_what_was_expected():
    with pytest.raises(ValueError, match=r"b\.txt: unknown class 'Dog'.*one of: cat, dog"):
        apply(image(obj("dog")), image(obj("Dog"), id="b"), class_names=["cat", "dog"])


def test_unknown_classes_can_be_skipped_and_are_counted():
    objects = obj("eel"), obj("dog"), obj("cat"), obj("eel")
    data, sample = apply_one(*objects, class_names=["dog"], unknown_classes="skip")
    np.testing.assert_array_equal(sample.labels, [0])
    assert data.problems == [
        "class 'cat' is not among the class names: 1 object left out",
        "class 'eel' is not among the class names: 2 objects left out",
    ]


def test_skipping_every_object_is_an_error_that_tells_the_classes_there_are():
    message = r"none of 2 objects has one of the classes clases\.txt; the data have: cat, dog"
    with pytest.raises(ValueError, match=message):
        apply_one(obj("cat"), obj("dog"), class_names=["clases.txt"], unknown_classes="skip")
    data, _ = apply_one(class_names=["cat"], unknown_classes="skip")
    assert data.num_objects == 0  # there was nothing to skip


def test_a_name_with_decomposed_letters_is_the_same_class():
    data, sample = apply_one(obj("caf\u00e9"), class_names=["cafe\u0301", "dog"])
    assert data.class_names == ("cafe\u0301", "dog")
    assert sample.labels.tolist() == [0]


@pytest.mark.parametrize("class_names", ["dog", [], ["dog", "dog"], [1, 2]])
def test_class_names_must_be_distinct_names(class_names):
    with pytest.raises(ValueError, match="class_names: "):
        apply_one(obj(), class_names=class_names)


# Difficult objects


def test_difficult_objects_are_kept_and_marked():
    _, sample = apply_one(obj("cat"), obj("dog", difficult=True))
    np.testing.assert_array_equal(sample.difficult, [False, True])


def test_difficult_objects_can_be_dropped_without_changing_the_labels():
    data, sample = apply_one(obj("cat", difficult=True), obj("dog"), difficult="drop")
    np.testing.assert_array_equal(sample.labels, [1])
    np.testing.assert_array_equal(sample.difficult, [False])
    assert data.problems == []


@pytest.mark.parametrize("argument", ["difficult", "unknown_classes"])
def test_a_choice_that_does_not_exist_is_refused(argument):
    with pytest.raises(ValueError, match=f"{argument}: expected .* not 'ignore'"):
        apply_one(obj(), **{argument: "ignore"})


# What is wrong is collected or raised


def test_collected_errors_leave_out_their_image_or_object_only(tmp_path):
    problems = Problems(collect=True)
    missing = image(obj(), id="b", path=tmp_path / "b.png")
    objects = obj("fox"), obj("dog", (9, 9, 9, 9)), obj("cat")
    data = apply(image(*objects), missing, image(id="c"), image(id="a"), problems=problems)
    assert [sample.id for sample in data] == ["a", "c"]
    assert data[0].labels.tolist() == [0]
    assert [type(error).__name__ for error in problems.errors] == [
        "UnknownClassError",
        "NoAreaError",
        "CorruptImageError",
        "AnnotationError",
    ]


def test_a_missing_image_is_named(tmp_path):
    message = rf"a\.txt: there is no file {tmp_path / 'a.png'}"
    with pytest.raises(CorruptImageError, match=message):
        apply(image(obj(), path=tmp_path / "a.png"))
    problems = Problems(left_out=(CorruptImageError,))
    data = apply(image(obj(), path=tmp_path / "a.png"), image(obj(), id="b"), problems=problems)
    assert [sample.id for sample in data] == ["b"]
    assert data.problems == [f"left out: a.txt: there is no file {tmp_path / 'a.png'}"]


# Normalized coordinates


def test_boxes_that_all_lie_between_0_and_1_are_an_error_that_names_the_cause():
    images = [image(), image(obj(box=(0.25, 0.25, 0.75, 0.75)), obj(box=(0, 0, 1, 1)), id="b")]
    message = r"data: all coordinates of its 2 boxes are between 0 and 1, .*normalized.*b\.txt: dog"
    with pytest.raises(ValueError, match=message):
        check_pixels(images, "data", Problems())
    problems = Problems(collect=True)
    check_pixels(images, "data", problems)
    assert len(problems.errors) == 1


@pytest.mark.parametrize("boxes", [[], [(0, 0, 1, 1), (0, 0, 2, 2)], [(30, 20, 30.5, 20.5)]])
def test_one_box_in_pixels_is_enough_for_all(boxes):
    problems = Problems(collect=True)
    check_pixels([image(*(obj(box=box) for box in boxes))], "data", problems)
    assert problems.errors == []
