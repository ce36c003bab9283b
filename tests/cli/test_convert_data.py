"""`keras-ssd convert-data`, called as a function."""

import pytest

from keras_ssd.cli import main
from keras_ssd.cli.convert_data import _FORMATS
from keras_ssd.data import load
from keras_ssd.data.writing import FORMATS


def convert(*arguments) -> int:
    return main(["convert-data", *map(str, arguments)])


def test_the_formats_are_those_of_the_package():
    assert tuple(_FORMATS) == FORMATS


@pytest.mark.parametrize("to", FORMATS)
def test_a_data_set_is_converted_and_told(drawn_voc, tmp_path, capsys, to):
    assert convert(drawn_voc, "--to", to, tmp_path / "out") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    first, second = captured.out.splitlines()
    assert first.startswith(f"{tmp_path / 'out'}: 24 images, ")
    assert first.endswith("3 classes: circle, rectangle, triangle")
    assert second == "image sets: train (16), trainval (24), val (8)"
    assert len(load(tmp_path / "out", "val")) == 8


def test_what_is_left_out_is_told(drawn_voc, tmp_path, capsys):
    options = ("--to", "csv", "--classes", "circle", "--image-set", "val")
    assert convert(drawn_voc, *options, tmp_path / "out") == 1
    assert "unknown class" in capsys.readouterr().err
    assert convert(drawn_voc, *options, "--unknown-classes", "skip", tmp_path / "out") == 0
    assert "class 'triangle' is not among the class names" in capsys.readouterr().err
    assert load(tmp_path / "out", "val").class_names == ("circle",)


def test_difficult_objects_that_yolo_cannot_mark_are_told(drawn_voc, tmp_path, capsys):
    folder = tmp_path / "voc"
    convert(drawn_voc, "--to", "voc", folder)
    path = next((folder / "Annotations").glob("*0.xml"))
    path.write_text(path.read_text().replace("<difficult>0", "<difficult>1", 1))
    capsys.readouterr()
    assert convert(folder, "--to", "yolo", tmp_path / "out") == 0
    assert "YOLO cannot mark difficult objects; 1 difficult object will" in capsys.readouterr().out


def test_a_folder_that_holds_something_is_refused_in_one_line(drawn_voc, tmp_path, capsys):
    (tmp_path / "x").touch()
    assert convert(drawn_voc, "--to", "voc", tmp_path) == 1
    error = capsys.readouterr().err
    assert error == (
        f"keras-ssd convert-data: {tmp_path}: exists already and is not an empty folder\n"
    )
