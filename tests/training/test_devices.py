"""Training on several devices and in several processes gives what one device gives."""

import csv
import os
import socket
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from keras_ssd.data.synthetic import draw_voc
from keras_ssd.training import Recipe, data_parallel, devices

# Trains in one process without and then with two devices, in the same steps.
TRAIN = """
import sys
import numpy as np
import keras
import keras_ssd
from keras_ssd.training import Recipe, data_parallel, train

folder = sys.argv[1]
data = keras_ssd.data.load(folder + "/voc", "train")
recipe = Recipe(optimizer="sgd", learning_rate=1e-4, batch_size=4, steps=3, global_clipnorm=0.5)

def trained(name):
    keras.utils.set_random_seed(0)
    ssd = keras_ssd.SSDTiny128(len(data.class_names))
    detector = train(ssd, data, output=f"{folder}/{name}", recipe=recipe, steps_per_epoch=1)
    return [np.array(weight) for weight in detector.weights]

with data_parallel(2):
    two = trained("two")
one = trained("one")
assert sum(np.abs(a).sum() for a in one) > 0
np.savez(f"{folder}/weights.npz", one=np.concatenate([a.ravel() for a in one]),
         two=np.concatenate([a.ravel() for a in two]))
"""


def environment(backend, **others):
    return {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2", **others}


def losses(folder):
    with (folder / "log.csv").open() as file:
        return [float(row["loss"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("backend", ["tensorflow", pytest.param("jax", marks=pytest.mark.slow)])
def test_two_devices_train_as_one_with_batch_norm_and_clipping(tmp_path, backend):
    draw_voc(tmp_path / "voc", num_train=8, num_val=1)
    subprocess.run(
        [sys.executable, "-c", TRAIN, str(tmp_path)],
        env=environment(backend),
        check=True,
        capture_output=True,
    )
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    np.testing.assert_allclose(two, one, rtol=1e-5)
    weights = np.load(tmp_path / "weights.npz")
    np.testing.assert_allclose(weights["two"], weights["one"], atol=1e-5)


def start_processes(output, data, *options):
    """Starts two processes of `keras-ssd train` on JAX that train together."""
    with socket.create_server(("localhost", 0)) as server:
        address = f"localhost:{server.getsockname()[1]}"
    command = [sys.executable, "-m", "keras_ssd.cli", "train", "--data", data, "--output", output]
    command += ["--image-set", "train", "--model", "ssd_tiny_128", "--recipe", "paper"]
    command += ["--batch-size", "4", "--devices", "1", "--evaluate-every", "1", *options]
    return [
        subprocess.Popen(
            [str(part) for part in command],
            env=environment(
                "jax",
                KERAS_DISTRIBUTION_JOB_ADDRESSES=address,
                KERAS_DISTRIBUTION_NUM_PROCESSES="2",
                KERAS_DISTRIBUTION_PROCESS_ID=str(index),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for index in range(2)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_ends_the_run_and_it_resumes_to_the_same_losses(tmp_path, killed):
    data = draw_voc(tmp_path / "voc", num_train=8, num_val=1)
    whole, output = tmp_path / "whole", tmp_path / "killed"
    options = ["--steps", "40", "--learning-rate", "1e-5"]
    for process in start_processes(whole, data, *options):
        process.communicate(timeout=300)
        assert process.returncode == 0
    expected = losses(whole)
    assert len(expected) == 40

    processes = start_processes(output, data, *options)
    while not (output / "log.csv").exists() or len(losses(output)) < 5:
        time.sleep(0.1)
        assert all(process.poll() is None for process in processes)
    processes[killed].kill()
    processes[killed].communicate()
    text, _ = processes[1 - killed].communicate(timeout=300)
    assert processes[1 - killed].returncode != 0
    assert "another process of the run ended" in text or "another task died" in text
    assert 5 <= len(losses(output)) < 40

    for process in start_processes(output, data, *options, "--resume"):
        process.communicate(timeout=300)
        assert process.returncode == 0
    np.testing.assert_allclose(losses(output), expected, rtol=1e-4)


@pytest.mark.parametrize("devices", [0, -1, 1.5, "some"])
def test_a_number_of_devices_that_makes_no_sense_is_refused(devices):
    with pytest.raises(ValueError, match="devices: expected a whole number from 1"):
        data_parallel(devices).__enter__()


def test_more_devices_than_there_are_are_refused():
    if keras.config.backend() == "torch":
        pytest.skip("PyTorch trains on one device")
    keras.ops.zeros(1) + 1  # from here on the processor cannot be split any more
    with pytest.raises(ValueError, match="devices: expected at most the 1 that there are, not 3"):
        data_parallel(3).__enter__()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(batch_size=8), "batch_size: expected a multiple of .* devices, 3, not 8"),
        (Recipe(batch_size=6, accumulate=2), "accumulate: expected 1"),
        (Recipe(batch_size=6), "model: it was made outside of `data_parallel`"),
    ],
)
def test_what_several_devices_cannot_train_is_refused(monkeypatch, recipe, message):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    devices.check_devices(model, recipe)  # one device can
    monkeypatch.setattr(devices, "num_devices", lambda: 3)
    with pytest.raises(ValueError, match=message):
        devices.check_devices(model, recipe)
