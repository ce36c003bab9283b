"""The choice of images: by position, by files of ids, from sources that share names."""

import json
import re

import cv2
import numpy as np
import pytest

from keras_ssd.data.loading import load
from keras_ssd.data.source_pool import distinct_names

TRAIN, VAL = [[f"{n:06d}" for n in numbers] for numbers in (range(16), range(16, 24))]
HEADER = "image,x1,y1,x2,y2,label"


def write_csv(path, *rows):
    path.parent.mkdir(exist_ok=True)
    for row in rows:
        image = path.parent / row.split(",")[0]
        cv2.imwrite(str(image), np.zeros((50, 100, 3), np.uint8))
    path.write_text("\n".join([HEADER, *rows]))
    return path


def write_coco(path, *images):
    path.parent.mkdir(exist_ok=True)
    categories = [{"id": 3, "name": "eel"}, {"id": 8, "name": "dog"}]
    entries = [
        {"id": number, "file_name": name, "width": 100, "height": 50}
        for number, name in enumerate(images)
    ]
    for name in images:
        (path.parent / name).touch()
    path.write_text(json.dumps({"images": entries, "categories": categories, "annotations": []}))
    return path


def ids(loaded):
    return [sample.id for sample in loaded.samples]


@pytest.mark.parametrize(
    ("image_set", "expected"),
    [("all", "abcd"), (":", "abcd"), ("0:3", "abc"), ("3:", "d"), (":-3", "a"), ("2:99", "cd")],
)
def test_images_are_selected_by_place(tmp_path, image_set, expected):
    csv = write_csv(tmp_path / "a.csv", *(f"{name}.png,1,1,9,9,cat" for name in "abcd"))
    assert ids(load(csv, image_set)) == [f"{name}.png" for name in expected]


@pytest.mark.parametrize(
    "image_set", ["trainval", "", "3", "0:3:2", "-:", "a:b", "1.0:2", "9" * 99]
)
def test_what_is_not_a_slice_is_an_error_telling_what_there_is(tmp_path, image_set):
    csv = write_csv(tmp_path / "a.csv", "a.png,1,1,9,9,cat")
    expected = re.escape(f"{csv}: no image set {image_set!r}; there are: all, and slices")
    with pytest.raises(ValueError, match=expected):
        load(csv, image_set)


@pytest.mark.parametrize("image_set", ["4:", "2:1", ":-4"])
def test_a_slice_without_images_is_an_error(tmp_path, image_set):
    csv = write_csv(tmp_path / "a.csv", *(f"{name}.png,1,1,9,9,cat" for name in "abcd"))
    with pytest.raises(
        ValueError, match=f"image set '{image_set}' is empty; the source has 4 images"
    ):
        load(csv, image_set)


# Names


def test_images_of_the_same_name_are_told_apart_by_their_sources(tmp_path):
    first = write_coco(tmp_path / "task 1" / "ann.json", "a.png", "b.png")
    second = write_coco(tmp_path / "task 2" / "ann.json", "a.png", "c.png")
    loaded = load([first, second])
    assert ids(loaded) == ["task 1/a.png", "b.png", "task 2/a.png", "c.png"]
    assert loaded[2].image == tmp_path / "task 2" / "a.png"
    chosen = tmp_path / "chosen.txt"
    chosen.write_text("task 2/a.png\nb.png\ntask 2/c.png")
    found = load([first, second], chosen)
    assert [sample.image for sample in found] == [
        tmp_path / "task 2" / "a.png",
        tmp_path / "task 1" / "b.png",
        tmp_path / "task 2" / "c.png",
    ]
    assert ids(load([first, second], exclude=chosen)) == ["a.png"]
    chosen.write_text("a.png")
    with pytest.raises(ValueError, match=r"a\.png is in several .* task 1/a\.png, task 2/a\.png"):
        load([first, second], chosen)
    assert ids(load([first, second], exclude=chosen)) == ["b.png", "c.png"]


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["a/x.json", "b/x.json"], ["a", "b"]),
        (["x/a.csv", "x/b.csv"], ["a.csv", "b.csv"]),
        (["/1/2/3", "/2/2/1", "/3/1/1"], ["1", "2", "3"]),
        (["/a/b/c", "/a/c/c", "/b/c/c"], ["a/b/c", "a/c/c", "b/c/c"]),
        (["tfds:voc/2007", "x/y"], ["2007", "y"]),
        (["only"], ["only"]),
    ],
)
def test_the_name_of_a_source_is_what_tells_it_from_the_others(sources, names):
    assert distinct_names(sources) == names
