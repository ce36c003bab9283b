"""`keras-ssd check-data`, called as a function."""

import json
import shutil

import cv2
import pytest

from keras_ssd.cli import main
from keras_ssd.cli.new_models import NEW_MODELS


def check(*arguments) -> int:
    return main(["check-data", "--data", *map(str, arguments)])


@pytest.fixture
def raccoon_like(drawn_voc, tmp_path):
    """The drawn data in the folders `images` and `annotations`, without image sets."""
    shutil.copytree(drawn_voc / "JPEGImages", tmp_path / "zoo" / "images")
    shutil.copytree(drawn_voc / "Annotations", tmp_path / "zoo" / "annotations")
    return tmp_path / "zoo"


def test_good_data_are_told_in_tables_with_status_0(drawn_voc, capsys):
    assert check(drawn_voc, "--model", "ssd_tiny_128") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    rows = {line.split()[0]: line.split() for line in captured.out.splitlines() if line}
    assert rows["train"][1] == "16"
    assert (rows["train"][-1], rows["val"][-1], rows["trainval"][-1]) == ("yes", "no", "yes")
    assert rows["class"][1:5] == ["train", "val", "trainval", "objects"]
    assert {"circle", "rectangle", "triangle"} <= rows.keys()
    assert captured.out.splitlines()[-1].startswith("Fit to train on: 0 kinds of errors")


def test_folders_named_images_and_annotations_are_accepted(raccoon_like, capsys):
    assert check(raccoon_like) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["all", "24"]


def test_errors_give_status_1_and_ten_examples_and_json_has_them_all(
    raccoon_like, tmp_path, capsys
):
    for number in range(12):
        (raccoon_like / f"images/{number:06}.jpg").write_bytes(b"no image")
    assert check(raccoon_like, "--json", tmp_path / "new" / "report.json") == 1
    out = capsys.readouterr().out
    assert "\nERROR: images missing, unreadable or not of the annotated size: 12\n" in out
    assert out.count("not an image that can be decoded") == 10
    assert "\n  and 2 more\n" in out
    report = json.loads((tmp_path / "new" / "report.json").read_text())
    assert report["has_errors"] is True
    assert len(report["findings"][0]["examples"]) == 12


def test_what_is_drawn_are_samples_with_their_boxes(raccoon_like, tmp_path, capsys):
    sheet = tmp_path / "new" / "sheet.png"
    assert check(raccoon_like, "--max-images", 3, "--plot", sheet) == 0
    assert cv2.imread(str(sheet)).shape == (640, 640, 3)  # 3 cells of 2 x 2
    assert check(raccoon_like, "--plot", sheet) == 0
    assert cv2.imread(str(sheet)).shape == (1280, 1280, 3)
    assert check(raccoon_like, "--plot", tmp_path / "sheet.jpg") == 1
    assert "the name must end in .png" in capsys.readouterr().err


def test_classes_and_image_sets_may_be_given(drawn_voc, capsys):
    options = ("--image-set", "val", "train", "--classes", "circle, rectangle, triangle, star")
    assert check(drawn_voc, *options) == 1
    out = capsys.readouterr().out
    assert out.index("\nval ") < out.index("\ntrain ")
    assert "ERROR: classes without an object to train on: 1\n  star\n" in out


def test_sets_to_validate_on_may_be_given(raccoon_like, capsys):
    assert check(raccoon_like, "--image-set", "0:16", "--validation-set", "16:") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:3]]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("0:16", "16", "yes"),
        ("16:", "8", "no"),
    ]


@pytest.mark.parametrize("name", NEW_MODELS)
def test_default_boxes_are_those_of_the_model(name):
    model = NEW_MODELS[name].build(2)
    assert model.name == name
    assert model.config == NEW_MODELS[name].config


def test_a_folder_that_is_none_is_named_in_one_line(tmp_path, capsys):
    assert check(tmp_path) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"keras-ssd check-data: {tmp_path}: neither a folder with")
    assert captured.err.count("\n") == 1


def test_the_help_tells_what_the_exit_status_means(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["check-data", "--help"])
    assert stop.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Errors lead to exit status 1:" in printed
    assert "All splits are for training, except those of --validation-set" in printed
