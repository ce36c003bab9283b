"""`keras-ssd export --format saved_model`, and the other subcommands on what it wrote."""

import json

import pytest

from keras_ssd import SSDTiny128, build_detector
from keras_ssd.cli import main
from keras_ssd.data.synthetic import DRAWN_CLASSES


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    build_detector(SSDTiny128(len(DRAWN_CLASSES)), DRAWN_CLASSES, max_detections=10).save(path)
    return path


def test_what_is_exported_is_checked_and_detects(model, drawn_voc, tmp_path, capsys):
    output = tmp_path / "models" / "tiny"
    command = ["export", "--model", str(model), "--format", "saved_model", "--output", str(output)]
    assert main([*command, "--data", str(drawn_voc)]) == 0
    printed = capsys.readouterr().out
    assert f"{output / '1'}: " in printed
    assert "largest difference: box 0.0000, score 0.0000" in printed
    photo = next((drawn_voc / "JPEGImages").iterdir())
    found = []
    for number, detector in enumerate((model, output)):
        folder = tmp_path / str(number)
        options = ["--model", str(detector), "--output", str(folder), "--confidence", "0"]
        assert main(["detect", str(photo), *options]) == 0
        found.append(json.loads((folder / "detections.json").read_text()))
    assert len(found[0]) == 10
    for ours, theirs in zip(*found, strict=True):
        assert theirs["label"] == ours["label"]
        assert theirs["score"] == pytest.approx(ours["score"], abs=1e-5)
        assert theirs["box"] == pytest.approx(ours["box"], abs=0.01)


@pytest.mark.parametrize("option", [["--quantize", "float16"], ["--nms"]])
def test_litert_options_are_refused(option, model, tmp_path, capsys):
    command = ["export", "--model", str(model), "--format", "saved_model", *option]
    assert main([*command, "--output", str(tmp_path / "tiny")]) == 1
    message = f"{option[0]}: --format saved_model does not take it"
    assert message in capsys.readouterr().err
    assert not (tmp_path / "tiny").exists()
