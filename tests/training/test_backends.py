"""`keras-ssd train` gives the same losses on every backend of Keras."""

import csv
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_ssd import Detector
from keras_ssd.cli import main
from keras_ssd.data.loading import load


def losses(output):
    with (output / "log.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.slow
def test_the_first_five_losses_are_those_of_another_backend(drawn_voc, micro_ssd, tmp_path):
    Detector(micro_ssd(), load(drawn_voc, "train").class_names).save(tmp_path / "start.keras")
    command = ["train", "--data", str(drawn_voc), "--image-set", "train", "--seed", "3"]
    command += ["--model", str(tmp_path / "start.keras"), "--recipe", "smoke"]
    command += ["--learning-rate", "1e-3", "--steps", "5", "--evaluate-every", "1"]
    here = keras.config.backend()
    other = "jax" if here == "tensorflow" else "tensorflow"

    subprocess.run(
        [sys.executable, "-m", "keras_ssd.cli", *command, "--output", str(tmp_path / other)],
        env={**os.environ, "KERAS_BACKEND": other, "TF_CPP_MIN_LOG_LEVEL": "2"},
        check=True,
        capture_output=True,
    )
    assert main([*command, "--output", str(tmp_path / here)]) == 0

    found, expected = losses(tmp_path / here), losses(tmp_path / other)
    assert len(found) == 5
    assert abs(found[4] - found[0]) > 0.02 * found[0]  # it learns more than the bound below
    np.testing.assert_allclose(found, expected, rtol=0.005)
