"""training/cached_features.py trains what comes after the frozen layers, and only that."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_ssd
from keras_ssd.detector import Detector, open_detector

SCRIPT = Path(__file__).parents[2] / "training" / "cached_features.py"
FREEZE = "conv3_2_relu"


@pytest.mark.slow
def test_the_layers_after_the_frozen_ones_learn_from_the_cached_features(drawn_voc, tmp_path):
    start, run, excluded = tmp_path / "start.keras", tmp_path / "run", tmp_path / "excluded.txt"
    names = ("circle", "rectangle", "triangle")
    Detector(keras_ssd.SSDTiny128(num_classes=3), names).save(start)
    ids = [sample.id for sample in keras_ssd.data.load(drawn_voc, "train", class_names=names)]
    excluded.write_text(ids[0])
    command = [sys.executable, SCRIPT, start, run, "--data", drawn_voc, "--image-set", "train"]
    command += ["--exclude", excluded, "--validation-set", "val", "--freeze", FREEZE]
    command += ["--images", "24", "--steps", "60", "--evaluate-every", "20", "--batch-size", "4"]
    subprocess.run(list(map(str, command)), cwd=tmp_path, check=True)

    rows = [line.split(",") for line in (run / "log.csv").read_text().splitlines()]
    assert [row[0] for row in rows] == ["0", "1", "2"]
    losses = [float(field.split("=")[1]) for row in rows for field in row if field[:5] == "loss="]
    assert losses[2] < 0.8 * losses[0]
    before, after = open_detector(start).ssd, open_detector(run / "last.keras").ssd
    changed = {
        layer.name: not all(map(np.array_equal, layer.get_weights(), old.get_weights()))
        for layer, old in zip(after.layers, before.layers, strict=True)
        if layer.get_weights()
    }
    first_trained = list(changed).index("conv4_1")
    assert not any(list(changed.values())[:first_trained])
    assert changed["conv4_1"]
    assert changed["head1_classes"]
