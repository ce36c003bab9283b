"""`keras-ssd export`, and what the other subcommands do with what it wrote."""

import json
import re
import shutil

import keras
import pytest

from keras_ssd import SSDTiny128, build_detector
from keras_ssd.cli import main
from keras_ssd.data.synthetic import DRAWN_CLASSES


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    build_detector(SSDTiny128(3), DRAWN_CLASSES, max_detections=20).save(path)
    return path


def run(*arguments) -> int:
    return main([str(argument) for argument in arguments])


def test_a_calibrated_export_is_compared_measured_and_usable(model, drawn_voc, tmp_path, capsys):
    output = tmp_path / "new folder" / "tiny.tflite"
    options = ("--format", "litert", "--quantize", "int8", "--nms", "--output", output)
    assert run("export", "--model", model, *options, "--data", drawn_voc) == 0
    out = capsys.readouterr().out
    assert f"{output}: 1.0 MB\n" in out
    assert "on 8 images of --data, scores from 0.25: " in out
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


def test_without_data_it_is_compared_on_drawn_images(model, tmp_path, capsys):
    output = tmp_path / "tiny.tflite"
    assert run("export", "--model", model, "--format", "litert", "--output", output) == 0
    out = capsys.readouterr().out
    assert "on 16 drawn images, scores from 0.05: 320 of 320 detections found again" in out
    assert "box 0.0000, score 0.0000" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--quantize", "int8"), "--quantize int8 needs --data"),
        (("--output", "new/tiny.bin"), "tiny.bin: the name must end in .tflite"),
        (("--format", "openvino", "--quantize", "float16"), "--format openvino takes int8 alone"),
        (("--model", __file__), "test_export.py: "),
        (("--data", "absent"), "absent"),
    ],
)
def test_what_cannot_be_exported_is_named(model, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    always = ("--model", model, "--format", "litert", "--output", "tiny.tflite")
    assert run("export", *always, *options) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("format_name", "name", "package"),
    [("openvino", "tiny.xml", "openvino"), ("onnx", "tiny.onnx", "tf2onnx")],
)
def test_openvino_and_onnx_are_compared_and_detect(
    model, drawn_voc, tmp_path, capsys, format_name, name, package
):
    pytest.importorskip(package, reason=f'needs pip install "keras-ssd[{format_name}]"')
    output = tmp_path / name
    assert run("export", "--model", model, "--format", format_name, "--output", output) == 0
    out = capsys.readouterr().out
    assert "320 of 320 detections found again; largest difference: box 0.0000, score 0.0000" in out

    photo = drawn_voc / "JPEGImages" / "000000.jpg"
    pictures = tmp_path / "pictures"
    assert run("detect", "--model", output, photo, "--output", pictures, "--confidence", 0.1) == 0
    assert json.loads((pictures / "detections.json").read_text())


@pytest.mark.parametrize(
    ("format_name", "option"),
    [
        ("onnx", ("--quantize", "int8")),
        ("onnx", ("--nms",)),
        ("openvino", ("--nms",)),
        ("litert", ("--precision", "auto")),
    ],
)
def test_options_of_another_format_are_refused(model, tmp_path, capsys, format_name, option):
    output = tmp_path / "a"
    given = ("--model", model, "--format", format_name, "--output", output, *option)
    assert run("export", *given) == 1
    assert f"{option[0]}: --format {format_name} does not take it" in capsys.readouterr().err


def test_data_without_objects_have_no_map(model, drawn_voc, tmp_path, capsys):
    for annotation in (folder := shutil.copytree(drawn_voc, tmp_path / "empty")).rglob("*.xml"):
        annotation.write_text(re.sub("<object>.*</object>", "", annotation.read_text(), flags=re.S))
    output = tmp_path / "tiny.tflite"
    given = ("--model", model, "--format", "litert", "--output", output, "--data", folder)
    assert run("export", *given) == 0
    assert "no mAP: the 8 images have no objects to find" in capsys.readouterr().out
