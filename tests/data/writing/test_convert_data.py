"""Converted data sets, which load as the same images and objects as before."""

import json
import os
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import pytest

from keras_ssd.data.loading import load
from keras_ssd.data.writing import FORMATS, convert_data
from keras_ssd.data.writing import convert_data as convert_data_function

NAMES = ("traffic light", "\u732b", "dog & 'cat', \"eel\"")


def write_image(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (50, 100, 3), dtype=np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


def coco_entry(number, name):
    return {"id": number, "file_name": name, "width": 100, "height": 50}


@pytest.fixture
def source(tmp_path):
    """Images with awkward names, with and without objects, in sets that share some of them."""
    folder = tmp_path / "source"
    files = ["b 1.jpg", "deep er/a.png", "deep er/\u00fc, x.JPG", "empty.jpg"]
    for seed, name in enumerate(files):
        write_image(folder / "images" / name, seed)
    boxes = [
        (0, 0, [10, 5, 40, 20.5], 0),
        (0, 2, [0, 0, 100, 50], 1),
        (1, 1, [33.333, 0.125, 12, 49], 0),
        (2, 1, [99, 49, 1, 1], 0),
    ]
    sets = {"train": [2, 0, 3], "val": [1], "trainval": [2, 0, 3, 1]}
    (folder / "annotations").mkdir()
    for set_name, members in sets.items():
        data = {
            "images": [coco_entry(index, files[index]) for index in members],
            "categories": [{"id": 7 - n, "name": name} for n, name in enumerate(reversed(NAMES))],
            "annotations": [
                {"image_id": i, "category_id": 5 + label, "bbox": bbox, "iscrowd": crowd}
                for i, label, bbox, crowd in boxes
                if i in members
            ],
        }
        path = folder / "annotations" / f"instances_{set_name}.json"
        path.write_text(json.dumps(data))
    return folder


def facts(data, *, difficult=True):
    """What has to be the same: all but the folders and suffixes in the ids."""
    return [
        (
            PurePosixPath(sample.id).with_suffix("").name,
            sample.size,
            np.round(sample.boxes, 6).tolist(),
            [data.class_names[label] for label in sample.labels],
            sample.difficult.tolist() if difficult else None,
            sample.read_bytes(),
        )
        for sample in data
    ]


@pytest.mark.parametrize("to", FORMATS)
def test_every_set_is_the_same_after_a_conversion(source, tmp_path, to):
    marks = to != "yolo"
    converted = convert_data(source, tmp_path / "new" / "out", to)
    assert converted.sets == {"train": 3, "trainval": 4, "val": 1}
    for image_set in converted.sets:
        before = load(source, image_set)
        assert before.class_names == NAMES
        after = load(tmp_path / "new" / "out", image_set, class_names=NAMES)
        assert facts(after, difficult=marks) == facts(before, difficult=marks)
        assert after.problems == []
    assert os.listdir(tmp_path / "new") == ["out"]


@pytest.mark.parametrize("first", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
def test_every_format_converts_to_every_other(drawn_voc, tmp_path, first, second):
    convert_data(drawn_voc, tmp_path / "first", first)
    convert_data(tmp_path / "first", tmp_path / "second", second)
    for image_set in ("train", "val"):
        before, after = load(drawn_voc, image_set), load(tmp_path / "second", image_set)
        assert after.class_names == before.class_names
        assert facts(after) == facts(before)


def test_a_source_without_sets_has_none_afterwards_or_one(tmp_path):
    csv = tmp_path / "a.csv"
    csv.write_text("image,x1,y1,x2,y2,label\na.jpg,10,10,20,20,cat\nb.jpg,,,,,\n")
    for seed, name in enumerate("ab"):
        write_image(tmp_path / f"{name}.jpg", seed)
    before = facts(load(csv))
    for to in FORMATS:
        out = tmp_path / to
        assert convert_data(csv, out, to).sets == {"all": 2}
        assert facts(load(out)) == before
    assert not (tmp_path / "voc" / "ImageSets").exists()
    assert (tmp_path / "yolo" / "data.yaml").read_text().startswith("train: train.txt\n")


def test_sets_may_be_chosen_by_name_place_and_file(drawn_voc, tmp_path):
    chosen = tmp_path / "mine.txt"
    chosen.write_text("000007\n000003\n")
    converted = convert_data(drawn_voc, tmp_path / "out", "coco", image_sets=["val", "0:5", chosen])
    assert converted.sets == {"val": 8, "0_to_5": 5, "mine": 2}
    assert facts(load(tmp_path / "out", "mine")) == facts(load(drawn_voc, chosen))
    with pytest.raises(ValueError, match="image_sets: two of them are named mine"):
        convert_data(drawn_voc, tmp_path / "x", "coco", image_sets=[chosen, "mine"])
    with pytest.raises(ValueError, match="no image set 'best'"):
        convert_data(drawn_voc, tmp_path / "x", "coco", image_sets="best")
    assert not (tmp_path / "x").exists()


def test_classes_that_the_format_does_not_list_are_in_a_file(source, tmp_path):
    for to in ("voc", "csv"):
        convert_data(source, tmp_path / to, to)
        lines = (tmp_path / to / "class_names.txt").read_text("utf-8").splitlines()
        assert tuple(lines) == NAMES


def test_images_are_copied_or_linked(drawn_voc, tmp_path):
    convert_data(drawn_voc, tmp_path / "copies", "voc")
    convert_data(drawn_voc, tmp_path / "links", "voc", link=True)
    image = Path("JPEGImages/000000.jpg")
    assert not (tmp_path / "copies" / image).samefile(drawn_voc / image)
    assert (tmp_path / "links" / image).samefile(drawn_voc / image)


@pytest.mark.parametrize("name", [".hidden", "file"])
def test_a_folder_that_holds_something_is_left_alone(drawn_voc, tmp_path, name):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    with pytest.raises(ValueError, match="out: exists already and is not an empty folder"):
        convert_data(drawn_voc, tmp_path / "out", "csv")
    with pytest.raises(ValueError, match=f"{name}: exists already"):
        convert_data(drawn_voc, tmp_path / "out" / name, "csv")
    assert os.listdir(tmp_path / "out") == [name]


def test_an_empty_folder_is_filled(drawn_voc, tmp_path):
    (tmp_path / "out").mkdir()
    convert_data(drawn_voc, tmp_path / "out", "yolo")
    assert len(load(tmp_path / "out", "val")) == 8


@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
def test_what_is_not_complete_leaves_nothing(drawn_voc, tmp_path, error):
    def stop_at_the_fifth(images):
        yield from images[:4]
        raise error

    with pytest.raises(type(error)):
        convert_data(drawn_voc, tmp_path / "out", "coco", progress=stop_at_the_fifth)
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_used_is_an_error_or_left_out(source, tmp_path):
    (source / "images" / "b 1.jpg").unlink()
    with pytest.raises(ValueError, match=r"b 1\.jpg"):
        convert_data(source, tmp_path / "out", "voc")
    assert not (tmp_path / "out").exists()
    converted = convert_data(source, tmp_path / "out", "voc", corrupt_images="skip")
    assert converted.sets == {"train": 2, "trainval": 3, "val": 1}
    assert any("b 1.jpg" in problem for problem in converted.data.problems)


def test_an_unknown_format_is_an_error(drawn_voc, tmp_path):
    with pytest.raises(
        ValueError, match="to: expected 'voc' or 'coco' or 'yolo' or 'csv', not 'x'"
    ):
        convert_data_function(drawn_voc, tmp_path / "out", "x")
