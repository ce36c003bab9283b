"""`keras-ssd export`, and the other subcommands on the files that it wrote."""

import json
import logging
import re
import shutil
import zipfile

import keras
import pytest

from keras_ssd import Detector, SSDTiny128
from keras_ssd.cli import main
from keras_ssd.data.synthetic import DRAWN_CLASSES
from keras_ssd.formats import exporting


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    Detector(SSDTiny128(3), DRAWN_CLASSES, max_detections=20).save(path)
    return path


def run(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def test_a_calibrated_export_is_compared_measured_and_usable(model, drawn_voc, tmp_path, capsys):
    output = tmp_path / "new folder" / "tiny.tflite"
    options = ("--quantize", "int8", "--nms", "--output", output)
    assert run("export", "--model", model, *options, "--data", drawn_voc) == 0
    out = capsys.readouterr().out
    assert f"{output}: 1.0 MB\n" in out
    assert "mAP on 8 images: 0." in out

    figures = tmp_path / "figures.json"
    assert run("evaluate", "--model", output, "--data", drawn_voc, "--json", figures) == 0
    after = json.loads(figures.read_text())["voc"]["map_11_point"]
    assert f"before, {after:.4f} after" in out

    photo = drawn_voc / "JPEGImages" / "000000.jpg"
    pictures = tmp_path / "pictures"
    assert run("detect", "--model", output, photo, "--output", pictures, "--confidence", 0.1) == 0
    records = json.loads((pictures / "detections.json").read_text())
    assert records
    assert {record["label"] for record in records} <= set(DRAWN_CLASSES)


def test_without_data_it_is_compared_on_drawn_images(model, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="keras_ssd"):
        assert run("export", "--model", model, "--output", tmp_path / "tiny.tflite") == 0
    assert "differences on 16 images: offsets " in caplog.text


def test_an_export_that_differs_too_much_fails(model, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(exporting.BOUNDS, None, exporting.Differences(0, 0, 0, 0, 0))
    output = tmp_path / "tiny.tflite"
    assert run("export", "--model", model, "--output", output) == 1
    err = capsys.readouterr().err
    assert "keras-ssd export: the export differs too much from the detector; differences on" in err
    assert "(allowed 0), lost " in err
    assert not output.exists()


def test_thresholds_are_exported_as_the_options_say(model, tmp_path):
    output = tmp_path / "tiny.tflite"
    thresholds = ("--confidence", 0.3, "--iou", 0.2, "--max-detections", 7)
    assert run("export", "--model", model, "--output", output, *thresholds) == 0
    with zipfile.ZipFile(output) as archive:
        settings = json.loads(archive.read("decoding.json"))
    assert settings["confidence_threshold"] == 0.3
    assert settings["iou_threshold"] == 0.2
    assert settings["max_detections"] == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--quantize", "int8"), "--quantize int8 needs --data"),
        (("--output", "new/tiny.bin"), "new/tiny.bin: the suffix .bin is of no format; expected"),
        (("--format", "openvino"), "tiny.tflite: the name must end in .xml"),
        (("--output", "a.xml", "--quantize", "float16"), "expected None, int8, not 'float16'"),
        (("--model", "ssd_mobilenet_320_voc.tflite"), "ssd_mobilenet_320_voc.tflite: "),
        (("--model", __file__), "test_export.py: "),
        (("--model", "ssd_mobilenet_320"), "did you mean ssd_mobilenet_320_voc?"),
        (("--data", "absent"), "absent"),
    ],
)
def test_what_cannot_be_exported_is_named(model, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("openvino")
    always = ("--model", model, "--output", "tiny.tflite")
    assert run("export", *always, *options) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "package", "option", "differences"),
    [
        ("tiny.xml", "openvino", (), "boxes"),
        ("tiny.onnx", "tf2onnx", (), "boxes"),
        ("tiny.onnx", "tf2onnx", ("--no-nms",), "offsets"),
        ("tiny", "tensorflow", (), "offsets"),
    ],
)
def test_other_formats_are_compared_and_detect(
    model, drawn_voc, tmp_path, caplog, name, package, option, differences
):
    pytest.importorskip(package, reason="needs one of the extras of keras-ssd")
    output = tmp_path / name
    with caplog.at_level(logging.INFO, logger="keras_ssd"):
        assert run("export", "--model", model, "--output", output, *option) == 0
    assert f"differences on 16 images: {differences} " in caplog.text

    photo = drawn_voc / "JPEGImages" / "000000.jpg"
    pictures = tmp_path / "pictures"
    assert run("detect", "--model", output, photo, "--output", pictures, "--confidence", 0.1) == 0
    assert json.loads((pictures / "detections.json").read_text())


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("a.onnx", ("--quantize", "int8"), "a.onnx is an ONNX file (.onnx), which does not take"),
        ("a.xml", ("--nms",), "--nms: a.xml is an OpenVINO file (.xml), which does not"),
        ("a", ("--nms",), "a is a SavedModel (a folder), which does not take it"),
        ("a.tflite", ("--dtype", "auto"), "a.tflite is a LiteRT file (.tflite), which computes in"),
    ],
)
def test_options_of_another_format_are_refused(
    model, tmp_path, monkeypatch, capsys, name, option, message
):
    monkeypatch.chdir(tmp_path)
    assert run("export", "--model", model, "--output", name, *option) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / name).exists()


def test_data_without_objects_have_no_map(model, drawn_voc, tmp_path, capsys):
    for annotation in (folder := shutil.copytree(drawn_voc, tmp_path / "empty")).rglob("*.xml"):
        annotation.write_text(re.sub("<object>.*</object>", "", annotation.read_text(), flags=re.S))
    output = tmp_path / "tiny.tflite"
    assert run("export", "--model", model, "--output", output, "--data", folder) == 0
    assert "mAP on 8 images: none (there are no objects to find) before" in capsys.readouterr().out
