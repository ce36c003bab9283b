"""labelme's files, with the shapes and coordinates of its own examples."""

import json

import numpy as np
import pytest

from keras_ssd.data.loading import load
from keras_ssd.images import CorruptImageError


def shape(label="person", points=((20, 10), (60, 40)), kind="rectangle", **others):
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, **others}


def write_labelme(folder, shapes_of, **others):
    """Writes files for images of 50x100 pixels that cannot be decoded; loading decodes none."""
    folder.mkdir(exist_ok=True)
    for name, shapes in shapes_of.items():
        (folder / f"{name}.jpg").write_bytes(b"never decoded")
        content = {
            "version": "5.5.0",
            "flags": {},
            "shapes": shapes,
            "imagePath": f"{name}.jpg",
            "imageData": None,
            "imageHeight": 50,
            "imageWidth": 100,
        }
        (folder / f"{name}.json").write_text(json.dumps(content | others))
    return folder


def box_of(folder, *args, **others):
    [sample] = load(write_labelme(folder, {"a": [shape(*args, **others)]})).samples
    [box] = sample.boxes * [100, 50, 100, 50]
    return box.tolist()


def test_every_file_is_an_image_and_classes_are_those_of_the_shapes(tmp_path):
    folder = write_labelme(tmp_path, {"b": [shape("dog")], "a": [shape("cat")], "c": []})
    data = load(folder)
    assert [sample.id for sample in data.samples] == ["a", "b", "c"]
    assert data.class_names == ("cat", "dog")
    assert [sample.labels.tolist() for sample in data.samples] == [[0], [1], []]
    assert data.samples[0].image == folder / "a.jpg"
    assert data.samples[0].size == (50, 100)
    assert data.problems == []


def test_a_rectangle_may_be_drawn_from_any_corner(tmp_path):
    assert box_of(tmp_path, points=[[60, 10], [20, 40]]) == pytest.approx([20, 10, 60, 40])


def test_the_box_of_a_polygon_is_around_it(tmp_path):
    points = [[69, 18], [45, 43], [73, 46], [98, 21]]
    assert box_of(tmp_path, "person", points, "polygon") == pytest.approx([45, 18, 98, 46])


def test_a_shape_of_old_files_without_a_type_is_a_polygon(tmp_path):
    assert box_of(tmp_path, "a", [[5, 6], [7, 9], [2, 8]], None) == pytest.approx([2, 6, 7, 9])


def test_the_box_of_a_circle_is_around_its_center_and_edge(tmp_path):
    # The edge is at (3, 4) from the center, so the radius is 5.
    box = box_of(tmp_path, "ball", [[40, 20], [43, 24]], "circle")
    np.testing.assert_allclose(box, [35, 15, 45, 25], rtol=1e-6)


def test_difficult_shapes_are_marked(tmp_path):
    folder = write_labelme(tmp_path, {"a": [shape(difficult=True), shape(difficult=False)]})
    assert load(folder).samples[0].difficult.tolist() == [True, False]


@pytest.mark.parametrize("name", ["../photos/x.jpg", r"..\photos\x.jpg"])
def test_an_image_may_be_in_another_folder(tmp_path, name):
    folder = write_labelme(tmp_path / "shapes", {"a": [shape()]}, imagePath=name)
    (folder / "a.jpg").unlink()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "x.jpg").write_bytes(b"never decoded")
    assert load(folder).samples[0].image.name == "x.jpg"


def test_a_missing_image_is_named(tmp_path):
    folder = write_labelme(tmp_path, {"a": [shape()], "b": [shape()]})
    (folder / "b.jpg").unlink()
    with pytest.raises(CorruptImageError, match=r"b\.json: there is no image .*b\.jpg"):
        load(folder)
    assert len(load(folder, corrupt_images="skip")) == 1


def test_images_without_a_file_are_told(tmp_path):
    folder = write_labelme(tmp_path, {"a": [shape()]})
    (folder / "b.jpg").write_bytes(b"never decoded")
    assert load(folder).problems == [f"{folder}: left out 1 image without an annotation, such as b"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (shape(kind="point", points=[[1, 2]]), r"shapes\[1\]: person is a point; expected a shape"),
        (shape(kind="linestrip"), "person is a linestrip"),
        (shape(points=[[1, 2]]), "expected at least two points of numbers, not 1 point"),
        (shape(points=[]), "expected at least two points"),
        (shape(points=None), "points must be pairs of numbers"),
        (shape(points=[["left", 2], [3, 4]]), "points must be pairs of numbers"),
        (shape(points=[[float("nan"), 2], [3, 4]]), "at least two points of numbers"),
        (shape(points=[[1e300, 2], [3, 4]]), "the points must be finite"),
        (shape(label=" "), "a shape without a label"),
        (shape(label=None), "a shape without a label"),
        ("a rectangle", "a shape without a label"),
    ],
)
def test_a_shape_that_cannot_be_used_is_named_or_left_out(tmp_path, bad, message):
    folder = write_labelme(tmp_path, {"a": [shape(), bad]})
    with pytest.raises(ValueError, match=message):
        load(folder)
    assert len(load(folder, bad_annotations="skip").samples[0].labels) == 1


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"shapes": 1, "imagePath": "b.jpg"}', "[" * 10**5]
)
def test_another_json_file_in_the_folder_is_named(tmp_path, text):
    folder = write_labelme(tmp_path, {"a": [shape()]})
    (folder / "b.json").write_text(text)
    with pytest.raises(ValueError, match=r"b\.json: (not valid JSON|expected labelme's keys)"):
        load(folder)
    assert len(load(folder, bad_annotations="skip")) == 1


@pytest.mark.parametrize("name", ["x\0.jpg", "x" * 10_000])
def test_a_name_that_no_image_can_have_is_an_error_that_names_the_file(tmp_path, name):
    folder = write_labelme(tmp_path, {"a": [shape()]}, imagePath=name)
    with pytest.raises(ValueError, match=r"a\.json: (image 'x|there is no image)"):
        load(folder)


def test_a_folder_of_other_json_files_is_not_taken_for_labelme(tmp_path):
    (tmp_path / "a.json").write_text('{"images": []}')
    with pytest.raises(ValueError, match=r"one with \.xml or labelme's \.json files beside images"):
        load(tmp_path)
