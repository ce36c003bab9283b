"""`keras-ssd detect`: its options and its lines, with the packaged int8 detector."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from keras_ssd.cli import main, model_options, output_options
from keras_ssd.images import read_image
from keras_ssd.outputs.result_files import RESULT_FILES
from keras_ssd.presets import find_preset, packaged_file
from keras_ssd.runtime import RUNTIMES

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"
CAT, ASTRONAUT = PHOTOS / "chelsea.jpg", PHOTOS / "astronaut.jpg"
MODEL = ("--model", "ssd_mobilenet_320_voc_int8")


def detect(*arguments):
    return main(["detect", *map(str, arguments), *MODEL])


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def fails(capsys):
    """Runs the command, which must fail; returns its line on stderr."""

    def run(*arguments, line_of="keras-ssd detect: "):
        try:
            status = detect(*arguments)
        except SystemExit as error:  # argparse's
            status = error.code
        assert status in (1, 2)
        return capsys.readouterr().err.splitlines()[-1].removeprefix(line_of)

    return run


def labels(folder):
    return [record["label"] for record in json.loads((folder / "detections.json").read_text())]


def test_each_image_has_a_line_and_a_picture(output, capsys):
    assert detect(PHOTOS, "--output", output) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{ASTRONAUT}: person 0.")
    assert lines[0].endswith(f" -> {output / 'astronaut.jpg'}")
    assert lines[1].startswith(f"{CAT}: cat ")
    assert labels(output) == ["person", "cat"]
    assert read_image(output / "chelsea.jpg").shape == read_image(CAT).shape


def test_classes_and_thresholds_choose(output, capsys):
    options = ("--confidence", 0.3, "cat=0.99", "--classes", "person,", "dog", "cat")
    assert detect(PHOTOS, "--output", output, *options) == 0
    assert set(labels(output)) <= {"person", "cat"}
    assert detect(PHOTOS, "--output", output, "--overwrite", "--classes", "dog") == 0
    assert labels(output) == []
    assert f"{CAT}: nothing found -> " in capsys.readouterr().out


def test_formats_crops_and_no_pictures(output):
    options = ("--save", "csv", "voc", "yolo", "coco", "jsonl", "--save-crops", "--no-pictures")
    assert detect(CAT, "--output", output, *options) == 0
    assert sorted(path.name for path in output.iterdir()) == [
        *("coco.json", "crops", "detections.csv", "detections.jsonl", "journal.jsonl"),
        *("voc", "yolo"),
    ]
    assert (output / "crops" / "cat" / "chelsea-1.jpg").exists()


def test_pictures_may_be_png(output):
    assert detect(CAT, "--output", output, "--pictures", "png") == 0
    assert (output / "chelsea.png").exists()


def test_sources_that_cannot_be_used_are_named_on_stderr(output, tmp_path, capsys):
    (tmp_path / "empty.jpg").touch()
    assert detect(tmp_path / "empty.jpg", CAT, tmp_path / "absent", "--output", output) == 1
    errors = capsys.readouterr().err.splitlines()
    assert f"keras-ssd detect: {tmp_path / 'empty.jpg'}: the image is empty (0 bytes)" in errors
    assert any(f"{tmp_path / 'absent'}: " in line for line in errors)
    assert labels(output) == ["cat"]


def test_a_run_goes_on_and_is_replaced_only_when_asked_to(output, fails, capsys):
    assert detect(CAT, "--output", output) == 0
    assert fails(CAT, "--output", output) == (
        f"{output}: holds the results of an earlier run; resume=True (--resume) goes on with it, "
        "overwrite=True (--overwrite) replaces it"
    )
    assert detect(CAT, ASTRONAUT, "--output", output, "--resume") == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [str(ASTRONAUT)]
    other = ("--resume", "--confidence", 0.3)
    assert "confidence 0.5, not 0.3" in fails(CAT, "--output", output, *other)
    assert detect(CAT, "--output", output, "--overwrite") == 0
    assert labels(output) == ["cat"]


def test_a_run_does_not_go_on_with_another_model_in_a_file_of_the_same_name(
    tmp_path, output, capsys
):
    model = tmp_path / "d.tflite"
    shutil.copy(packaged_file(find_preset("ssd_mobilenet_320_voc_int8")), model)
    command = ["detect", str(CAT), "--model", str(model), "--output", str(output)]
    assert main(command) == 0
    with zipfile.ZipFile(model, "a") as archive:
        archive.writestr("note.txt", "another model")
    assert main([*command, "--resume"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "the earlier run had another setting: SHA-256 of the model " in last


def test_a_video_has_one_line_and_with_verbose_one_for_each_frame(output, tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    photo = image.open(CAT)
    turned = [photo.rotate(5), photo.rotate(9)]
    photo.save(tmp_path / "a.gif", save_all=True, append_images=turned, duration=100)
    assert detect(tmp_path / "a.gif", "--output", output, "--every", 2) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line == f"{tmp_path / 'a.gif'}: 3 frames; cat in 2 -> {output / 'a.mp4'}"
    assert detect(tmp_path / "a.gif", "--output", output, "--overwrite", "--verbose") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == [
        f"{tmp_path / 'a.gif'}, frame {number}" for number in range(3)
    ]
    records = json.loads((output / "detections.json").read_text())
    assert [record["frame"] for record in records] == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--classes", "persn"],
            "--classes: the detector has no class 'persn'; did you mean 'person'?",
        ),
        (
            ["--confidence", "dgo=0.5"],
            "--confidence: the detector has no class 'dgo'; did you mean",
        ),
        (["--confidence", "2"], "argument --confidence: expected a number from 0 to 1, not '2'"),
        (["--confidence", "=0.3"], "argument --confidence: expected SCORE or CLASS=SCORE"),
        (["--iou", "0.3"], "--iou: cannot be changed, because NMS is part of this exported det"),
        (["--max-detections", "3"], "--max-detections: cannot be changed"),
        (["--tiles", "1"], "argument --tiles: expected a whole number from 2 on, not '1'"),
        (["--tiles", "99"], "--tiles: expected None, 'auto' or 2 to 16, not 99"),
        (["--every", "0"], "argument --every: expected a whole number above 0"),
        (["--save", "xml"], "argument --save: invalid choice: 'xml'"),
        (["--token-file", "t"], "--token-file: goes with --server, not with --model"),
        (["--resume", "--overwrite"], "argument --overwrite: not allowed with argument --resume"),
    ],
)
def test_wrong_options_are_told_in_one_line(output, fails, options, message):
    error = fails(CAT, "--output", output, *options)
    assert message in error
    assert not output.exists()


def test_an_output_is_needed_unless_a_window_is_shown(fails, monkeypatch):
    assert fails(CAT) == "--output: is needed, unless --show is given"
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if os.name == "posix":
        assert fails(CAT, "--show").startswith("--show: there is no display")


def test_without_a_model_the_packaged_preset_detects(output, capsys):
    assert main(["detect", str(CAT), "--output", str(output)]) == 0
    assert capsys.readouterr().out.startswith(f"{CAT}: cat ")
    settings = (output / "journal.jsonl").read_text()
    assert model_options.DEFAULT_MODEL in settings


def test_the_choices_are_those_of_the_package():
    assert model_options.RUNTIMES == RUNTIMES
    assert tuple(RESULT_FILES) == output_options.FORMATS


def test_tiles_and_batches_are_taken(output):
    options = ("--tiles", "--batch-size", 3, "--limit", 1)
    assert detect(PHOTOS, "--output", output, *options) == 0
    assert "person" in labels(output)
    assert "cat" not in labels(output)
