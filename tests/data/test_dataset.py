import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_ssd.data.dataset import (
    ImageAnnotation,
    ObjectAnnotation,
    from_annotations,
    merge,
    select_images,
)


def obj(name="dog", box=(10, 10, 20, 20), difficult=False):
    return ObjectAnnotation(name, box, difficult)


def image(*objects, id="a", path=Path("never read"), size=(50, 100)):
    return ImageAnnotation(id, path, size, list(objects), f"{id}.txt")


def load(*images, **options):
    return from_annotations(list(images), **options)


def load_one(*objects, **options):
    loaded = load(image(*objects), **options)
    return loaded, loaded.samples[0]


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
    loaded, sample = load_one(obj("cat"), obj("dog", box), obj("eel"))
    np.testing.assert_array_equal(sample.labels, [0, 2])
    assert sample.boxes.shape == (2, 4)
    assert sample.difficult.shape == (2,)
    [problem] = loaded.problems
    assert problem.startswith("a.txt: dog box (" + ", ".join(map(str, box)) + ") dropped")


def test_a_box_that_sticks_out_is_clipped_and_reported():
    loaded, sample = load_one(obj("dog", (-5, 10, 50, 60)), obj("cat"))
    np.testing.assert_allclose(sample.boxes, [[0, 0.2, 0.5, 1], [0.1, 0.2, 0.2, 0.4]])
    assert loaded.problems == ["a.txt: dog box (-5, 10, 50, 60) clipped to the 100x50 image"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_coordinate_that_is_not_finite_is_an_error_naming_the_object(value):
    with pytest.raises(ValueError, match=r"a\.txt: cat box \(1, 2, 3, .*must be finite"):
        load_one(obj("dog"), obj("cat", (1, 2, 3, value)))


def test_a_size_not_told_is_that_of_the_image(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((20, 32, 3), np.uint8))
    [sample] = load(image(obj(box=(8, 5, 16, 10)), path=path, size=None)).samples
    assert sample.size == (20, 32)
    np.testing.assert_allclose(sample.boxes, [[0.25, 0.25, 0.5, 0.5]])


def test_two_images_of_the_same_name_are_an_error_naming_both():
    with pytest.raises(ValueError, match=r"a\.txt: .*same name, 'a', as that of a\.txt"):
        load(image(obj()), image(obj(), id="b"), image(obj()))


# Classes


def test_class_names_found_are_sorted():
    loaded, sample = load_one(obj("dog"), obj("cat"), obj("eel"), obj("cat"))
    assert loaded.class_names == ("cat", "dog", "eel")
    np.testing.assert_array_equal(sample.labels, [1, 0, 2, 0])


def test_labels_follow_the_order_of_the_class_names_given():
    loaded, sample = load_one(obj("dog"), obj("cat"), class_names=["eel", "dog", "cat"])
    assert loaded.class_names == ("eel", "dog", "cat")
    np.testing.assert_array_equal(sample.labels, [1, 2])


def test_an_unknown_class_is_an_error_naming_file_class_and_what_was_expected():
    with pytest.raises(ValueError, match=r"b\.txt: unknown class 'Dog'.*one of: cat, dog"):
        load(image(obj("dog")), image(obj("Dog"), id="b"), class_names=["cat", "dog"])


def test_unknown_classes_can_be_skipped_and_are_counted():
    objects = obj("eel"), obj("dog"), obj("cat"), obj("eel")
    loaded, sample = load_one(*objects, class_names=["dog"], unknown_classes="skip")
    np.testing.assert_array_equal(sample.labels, [0])
    assert loaded.problems == [
        "class 'cat' is not in class_names: 1 object(s) skipped",
        "class 'eel' is not in class_names: 2 object(s) skipped",
    ]


def test_class_names_cannot_be_taken_from_images_without_objects():
    with pytest.raises(ValueError, match="pass class_names"):
        load_one()


@pytest.mark.parametrize("class_names", ["dog", [], ["dog", "dog"], [1, 2]])
def test_class_names_must_be_distinct_names(class_names):
    with pytest.raises(ValueError, match="class_names must be a list of distinct names"):
        load_one(obj(), class_names=class_names)


# Difficult objects


def test_difficult_objects_are_kept_and_marked():
    _, sample = load_one(obj("cat"), obj("dog", difficult=True))
    np.testing.assert_array_equal(sample.difficult, [False, True])


def test_difficult_objects_can_be_dropped_without_changing_the_labels():
    loaded, sample = load_one(obj("cat", difficult=True), obj("dog"), difficult="drop")
    assert loaded.class_names == ("cat", "dog")
    np.testing.assert_array_equal(sample.labels, [1])
    np.testing.assert_array_equal(sample.difficult, [False])
    assert loaded.problems == []


@pytest.mark.parametrize("argument", ["difficult", "unknown_classes"])
def test_a_choice_that_does_not_exist_is_refused(argument):
    with pytest.raises(ValueError, match=f"{argument} must be .* not 'ignore'"):
        load_one(obj(), **{argument: "ignore"})


# Images by place


@pytest.mark.parametrize(
    ("image_set", "expected"),
    [("all", "abcd"), (":", "abcd"), ("0:3", "abc"), ("3:", "d"), (":-3", "a"), ("2:99", "cd")],
)
def test_images_are_selected_by_place(image_set, expected):
    assert select_images(list("abcd"), image_set, "data") == list(expected)


@pytest.mark.parametrize("image_set", ["trainval", "", "3", "0:3:2", "-:", "a:b", "1.0:2", None])
def test_what_is_no_slice_is_an_error_telling_what_there_is(image_set):
    expected = re.escape(f"data: no image set {image_set!r}; there are: train, all, and slices")
    with pytest.raises(ValueError, match=expected):
        select_images(list("abcd"), image_set, "data", ["train"])


@pytest.mark.parametrize("image_set", ["4:", "2:1", ":-4"])
def test_a_slice_without_images_is_an_error(image_set):
    with pytest.raises(ValueError, match=f"data: image set '{image_set}' is empty; there are 4"):
        select_images(list("abcd"), image_set, "data")


# Several data sets in one


def test_merge_puts_one_data_set_after_the_other():
    first = load(image(obj(box=(0, 0, 0, 0)), obj(), id="a"))
    second = load(image(obj(box=(9, 9, 120, 20)), id="b"))
    merged = merge([first, second])
    assert [sample.id for sample in merged.samples] == ["a", "b"]
    assert merged.class_names == ("dog",)
    assert merged.problems == first.problems + second.problems
    assert len(merged.problems) == 2


def test_merge_refuses_other_class_names_even_the_same_ones_in_another_order():
    first = load(image(obj(), id="a"), class_names=["cat", "dog"])
    second = load(image(obj(), id="b"), class_names=["dog", "cat"])
    names = re.escape("('cat', 'dog') and ('dog', 'cat')")
    with pytest.raises(ValueError, match=f"class names differ: {names}"):
        merge([first, second])


def test_merge_refuses_an_image_that_is_in_both():
    loaded = load(image(obj()))
    with pytest.raises(ValueError, match="image 'a' is in more than one"):
        merge([loaded, loaded])


def test_merge_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="datasets is empty"):
        merge([])
