"""The `keras-ssd` command, called as a function."""

import csv
import json
import re
import shutil

import cv2
import keras
import pytest

import keras_ssd
from keras_ssd import training
from keras_ssd.cli import COMMANDS, main
from keras_ssd.data.loading import load

CLASSES = ["circle", "rectangle", "triangle"]


def run(*arguments) -> int:
    """Runs the command; restores what it changes in the process."""
    policy = keras.config.dtype_policy()
    try:
        return main([str(argument) for argument in arguments])
    finally:
        keras.config.set_dtype_policy(policy)


def train_options(data, output, *more):
    tiny = ("--model", "ssd_tiny_128", "--recipe", "smoke", "--image-set", "train")
    return ("train", "--data", data, *tiny, "--output", output, *more)


@pytest.fixture
def fails(capsys):
    """Checks that a command ends with status 1 and one line on stderr, and returns that line."""

    def fails(*arguments):
        capsys.readouterr()
        assert run(*arguments) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"keras-ssd {arguments[0]}: ")
        return line.removeprefix(f"keras-ssd {arguments[0]}: ")

    return fails


@pytest.fixture(scope="module")
def finished(drawn_voc, tmp_path_factory):
    """The folder of a run of 4 steps, 2 an epoch, and the arguments that made it."""
    output = tmp_path_factory.mktemp("cli") / "run"
    length = ("--batch-size", 8, "--epochs", 2)
    arguments = train_options(drawn_voc, output, *length, "--validation-set", "val")
    assert run(*arguments) == 0
    return output, arguments


@pytest.fixture
def with_a_corrupt_image(drawn_voc, tmp_path):
    """A copy of the drawn data with the images 000017 (of val) and 000003 (of train) cut off."""
    folder = shutil.copytree(drawn_voc, tmp_path / "corrupt")
    for name in ("000003", "000017"):
        file = folder / "JPEGImages" / f"{name}.jpg"
        file.write_bytes(file.read_bytes()[:500])
    return folder


def test_a_trained_detector_trains_on_for_other_classes(finished, drawn_voc, tmp_path, capsys):
    options = ("--model", finished[0] / "last.keras", "--recipe", "smoke", "--steps", 1)
    classes = ("--classes", "square, circle,", "--unknown-classes", "skip")
    data = ("--data", drawn_voc, "--image-set", "train", "--max-images", 4)
    assert run("train", *data, *options, *classes, "--output", tmp_path / "run") == 0
    printed = capsys.readouterr().out
    assert re.search(r"^Classes that .*last\.keras knows: circle$", printed, re.MULTILINE)
    assert re.search(r"^Classes that are new: square$", printed, re.MULTILINE)
    assert keras_ssd.load_detector(tmp_path / "run" / "last.keras").class_names == (
        "square",
        "circle",
    )


def test_training_writes_its_run(finished):
    output, _ = finished
    names = {path.name for path in output.iterdir()}
    assert names >= {"run.json", "log.csv", "last.keras", "best.keras", "state.weights.h5"}
    settings = json.loads((output / "run.json").read_text())
    assert settings["model"] == "ssd_tiny_128"
    assert settings["class_names"] == CLASSES
    assert settings["recipe"]["steps"] == 4  # two passes over 16 images, 8 at once
    assert settings["recipe"]["learning_rate"] == 2e-3  # twice the recipe's batch, twice its rate
    with (output / "log.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]


def test_a_finished_run_resumes_to_its_end_and_trains_no_further(finished, capsys):
    output, arguments = finished
    log = (output / "log.csv").read_bytes()
    assert run(*arguments, "--resume") == 0
    assert (output / "log.csv").read_bytes() == log
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"16 images to train on, 8 to validate on, 3 classes: {', '.join(CLASSES)}"
    assert last == f"Trained. The detectors, the log and the report are in {output}"


def test_a_run_is_neither_overwritten_nor_resumed_with_other_settings(finished, fails):
    output, arguments = finished
    assert fails(*arguments).startswith(f"{output}: has a run already")
    assert fails(*arguments, "--resume", "--seed", 3).endswith("other settings: seed 0 -> 3")


def test_several_folders_share_the_classes_found_anywhere(drawn_voc, tmp_path, capsys, monkeypatch):
    other = tmp_path / "other"
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (other / folder).mkdir(parents=True)
    shutil.copy(drawn_voc / "JPEGImages/000000.jpg", other / "JPEGImages/extra.jpg")
    annotation = (drawn_voc / "Annotations/000000.xml").read_text()
    renamed = re.sub("<name>.*?</name>", "<name>star</name>", annotation)
    (other / "Annotations/extra.xml").write_text(renamed)
    (other / "ImageSets/Main/train.txt").write_text("extra\n")
    monkeypatch.setattr(training, "train", lambda *_, **__: None)
    command, option, data, *rest = train_options(drawn_voc, tmp_path / "run")
    assert run(command, option, data, other, *rest) == 0
    expected = "17 images to train on, 0 to validate on, 4 classes: circle, rectangle, star, tri"
    assert capsys.readouterr().out.startswith(expected)


def test_evaluation_prints_a_table_and_writes_what_is_asked_for(
    finished, drawn_voc, tmp_path, capsys
):
    output, _ = finished
    paths = {name: tmp_path / "new" / name for name in ("r.json", "r.png", "r.html", "d.json")}
    status = run(
        *("evaluate", "--data", drawn_voc, "--image-set", "val", "--coco"),
        *("--model", output / "best.keras", "--json", paths["r.json"]),
        *("--plot", paths["r.png"], "--detections", paths["d.json"], "--report", paths["r.html"]),
    )
    assert status == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line]
    assert [row[0] for row in rows if row[0] != "COCO"][:6] == ["class", *CLASSES, "mean", "AP"]

    result = json.loads(paths["r.json"].read_text())
    with (output / "log.csv").open() as file:
        best = max(float(row["val_map"]) for row in csv.DictReader(file))
    assert result["voc"]["map_11_point"] == pytest.approx(best, rel=1e-6)
    assert f"{best:.4f}" in next(row for row in rows if row[:1] == ["mean"])
    assert 0 <= result["coco"]["AP"] <= 1
    assert cv2.imread(str(paths["r.png"])).size > 0
    report = paths["r.html"].read_text("utf-8")
    assert f"<b>{best:.3f}</b> mAP (VOC, 11-point)" in report

    samples = {sample.id: sample for sample in load(drawn_voc, "val").samples}
    records = json.loads(paths["d.json"].read_text())
    assert {record["image"] for record in records} == {*samples}
    for record in records:
        assert {*record} == {"image", "label", "score", "box"}
        assert record["label"] in CLASSES
        assert 0.01 <= record["score"] <= 1
        height, width = samples[record["image"]].size
        x1, y1, x2, y2 = record["box"]
        assert 0 <= x1 <= x2 <= width
        assert 0 <= y1 <= y2 <= height


def test_evaluation_names_a_corrupt_image_or_counts_it(
    finished, with_a_corrupt_image, fails, capsys
):
    output, _ = finished
    arguments = ("evaluate", "--data", with_a_corrupt_image, "--model", output / "last.keras")
    file = with_a_corrupt_image / "JPEGImages/000017.jpg"
    assert fails(*arguments) == f"{file}: the image is cut off before its end"
    assert run(*arguments, "--corrupt-images", "skip") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "1 image could not be read; all objects there count as missed"


def test_detection_draws_each_photo_and_survives_a_corrupt_one(
    finished, drawn_voc, tmp_path, capsys
):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    good = [drawn_voc / "JPEGImages" / f"0000{number}.jpg" for number in (16, 17, 18)]
    arguments = ("--model", finished[0] / "last.keras", "--confidence", 0)

    assert run("detect", *good, *arguments, "--output", tmp_path / "all") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert [line.split(":")[0] for line in captured.out.splitlines()] == [str(p) for p in good]

    with_bad = [good[0], bad, *good[1:]]
    assert run("detect", *with_bad, *arguments, "--output", tmp_path / "rest") == 1
    error = capsys.readouterr().err
    assert error.startswith(f"keras-ssd detect: {bad}: not an image that can be decoded")

    for folder in (tmp_path / "all", tmp_path / "rest"):
        names = {path.name for path in folder.iterdir()}
        pictures = {f"0000{number}.jpg" for number in (16, 17, 18)}
        assert names == pictures | {"detections.json", "journal.jsonl"}
        for photo in good:
            drawn = cv2.imread(str(folder / f"{photo.stem}.jpg"))
            assert drawn.shape == cv2.imread(str(photo)).shape
        records = json.loads((folder / "detections.json").read_text())
        assert {record["image"] for record in records} == {str(photo) for photo in good}
        assert {record["label"] for record in records} <= {*CLASSES}


def test_what_is_missing_or_unknown_is_named_in_one_line(drawn_voc, tmp_path, fails):
    (tmp_path / "file").write_text("no model")
    missing, output = tmp_path / "missing", tmp_path / "run"
    train = train_options(drawn_voc, output)
    assert fails(*train_options(missing, output)) == f"{missing}: there is no such folder or file"
    assert "no image set 'dev'; there are: train, trainval, val" in fails(
        *train, "--validation-set", "dev"
    )
    unknown = fails(*train, "--classes", "circle, square")
    assert re.search(r"0000\d\d\.xml: unknown class '\w+', expected one of: circle, squ", unknown)
    assert "file/run" in fails(*train_options(drawn_voc, tmp_path / "file" / "run"))
    for command in (
        ("evaluate", "--data", drawn_voc),
        ("detect", drawn_voc / "JPEGImages/000000.jpg", "--output", tmp_path / "pictures"),
    ):
        assert fails(*command, "--model", missing).startswith(
            f"{missing}: no such file; expected a detector: a file that ends in .keras"
        )
        error = fails(*command, "--model", tmp_path / "file")
        assert error.startswith(f"{tmp_path / 'file'}: expected a detector")
    assert not output.exists()


def test_backbone_weights_that_cannot_be_read_are_named(drawn_voc, tmp_path, fails):
    junk = tmp_path / "junk.h5"
    junk.write_bytes(b"no weights")
    arguments = ("train", "--data", drawn_voc, "--output", tmp_path / "run", "--backbone-weights")
    line = fails(*arguments, junk, "--model", "ssd_mobilenet_320")
    assert line.startswith(f"--backbone-weights {junk}: ")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_training_names_a_corrupt_image(with_a_corrupt_image, tmp_path, fails):
    arguments = train_options(with_a_corrupt_image, tmp_path / "run", "--batch-size", 16)
    file = with_a_corrupt_image / "JPEGImages/000003.jpg"
    assert fails(*arguments) == f"{file}: the image is cut off before its end"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert COMMANDS[command] in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--help", "detect"]])
def test_the_help_lists_the_commands(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 0
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines() if re.match("    [a-z]", line)] == [
        *COMMANDS
    ]


def test_the_version_is_printed(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"keras-ssd {keras_ssd.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["detekt"], ["--model", "x"]])
def test_without_a_known_command_the_usage_is_shown(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.startswith("usage: keras-ssd [-h] [--version] COMMAND")


@pytest.mark.parametrize(
    "options", [["--steps", "0"], ["--steps", "3", "--epochs", "3"], ["--recipe", "fastest"]]
)
def test_unusable_options_are_refused(options, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "--data", "voc", "--output", "run", *options])
    assert stop.value.code == 2
    assert options[-2] in capsys.readouterr().err
