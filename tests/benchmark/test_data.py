"""The speed of the input pipeline, stage by stage."""

import json

import numpy as np
import pytest

from keras_ssd.benchmark import DataSpeed, data, data_stages
from keras_ssd.benchmark.numpy_augmentation import augment_as_ssd_pytorch
from keras_ssd.cli import main
from keras_ssd.config import SSD_TINY_128
from keras_ssd.data.loading import load

SPEED = DataSpeed("tiny", 16, {"read": 1000.0}, {"read": 1900.0}, "a CPU", "2026-11-28")


def test_every_stage_yields_images(drawn_voc, monkeypatch):
    monkeypatch.setattr(data_stages, "_SECONDS", 0.01)
    found = data_stages.stages(load(drawn_voc, "train"), SSD_TINY_128)
    assert list(found)[-1] == data_stages.NUMPY_ONLY
    for start in found.values():
        assert data_stages.images_per_second(start()) > 0


def test_the_numpy_chain_keeps_boxes_on_their_object():
    image = np.zeros((90, 120, 3), np.uint8)
    image[30:60, 40:80] = 255
    box = np.array([[40 / 120, 30 / 90, 80 / 120, 60 / 90]], np.float32)
    checked = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        found, boxes, labels = augment_as_ssd_pytorch(image, box, np.array([4]), 96, rng)
        assert (found.shape, found.dtype, labels.tolist()) == ((96, 96, 3), np.float32, [4])
        bright = found.min(axis=2) + 104 > 150  # brighter than black and the mean color can be
        rows, columns = np.nonzero(bright)
        if len(rows) > 20:
            seen = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(boxes[0] * 96, seen, atol=2.5)
            checked += 1
    assert checked > 20


def test_the_table_has_a_row_for_each_stage(capsys):
    SPEED.print()
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["read", "1000", "1900", "1000"]
    assert lines[2] == "tiny, 16 images, 2026-11-28, a CPU"


def test_the_command_measures_batches_of_the_named_model(drawn_voc, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(data, "_rates", lambda images, config, cores, _: asked.append(config) or {})
    file = tmp_path / "speed.json"
    options = ["--model", "ssd_tiny_128", "--image-set", "train", "--json", str(file)]
    assert main(["benchmark", "data", "--data", str(drawn_voc), *options]) == 0
    assert asked == [SSD_TINY_128] * 2
    assert json.loads(file.read_text())["num_images"] == 16
    assert "ssd_tiny_128, 16 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [([], "needs --data"), (["--data", "x", "--calibrate", "y"], "--calibrate")],
)
def test_options_that_make_no_sense_are_refused(options, message, capsys):
    assert main(["benchmark", "data", "--model", "ssd300", *options]) != 0
    assert message in capsys.readouterr().err
