"""What training runs make of images: sound ones, corrupt ones, in bfloat16."""

import csv
import dataclasses
import logging

import keras
import pytest

from keras_ssd.detector.detector import ssd_model
from keras_ssd.images import CorruptImageError


def log_of(output):
    with (output / "log.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def one_corrupt(data, tmp_path):
    """The samples, of which the third is a file that is no image."""
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"no image")
    return [*data.samples[:2], dataclasses.replace(data.samples[2], image=file)], file


def test_a_corrupt_image_ends_the_run_with_its_name(one_corrupt, run, tmp_path):
    samples, file = one_corrupt
    with pytest.raises(CorruptImageError, match=f"^{file}: not an image that can be decoded"):
        run(tmp_path / "run", samples=samples)


def test_corrupt_images_can_be_skipped_and_are_counted(one_corrupt, run, recipe, tmp_path, caplog):
    samples, _ = one_corrupt
    with caplog.at_level(logging.WARNING, "keras_ssd"):
        run(
            tmp_path / "run",
            dataclasses.replace(recipe, steps=1),
            samples=samples,
            validation_samples=samples,
            skip_corrupt_images=True,
        )
    assert caplog.records[-1].getMessage() == "1 images could not be read and were skipped"
    assert len(log_of(tmp_path / "run")) == 1


def test_bfloat16_trains_with_a_finite_loss(run, recipe, tmp_path):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        detector = run(
            tmp_path / "run", dataclasses.replace(recipe, steps=1), validation_samples=[]
        )
    finally:
        keras.config.set_dtype_policy(policy)
    assert ssd_model(detector).get_layer("head1_classes").compute_dtype == "bfloat16"
    (row,) = log_of(tmp_path / "run")
    assert 0 < float(row["loss"]) < 100
    assert not (tmp_path / "run" / "best.keras").exists()


def test_a_few_images_are_learnt(run, recipe, data, tmp_path):
    recipe = dataclasses.replace(recipe, batch_size=8, steps=30, learning_rate=0.01)
    run(
        tmp_path / "run",
        recipe,
        samples=data.samples[:8],
        validation_samples=[],
        steps_per_epoch=5,
    )
    losses = [float(row["loss"]) for row in log_of(tmp_path / "run")]
    assert losses[-1] < losses[0] / 2
