"""Training runs learn from good images, in bfloat16 too, and skip or name corrupt ones."""

import csv
import dataclasses
import logging

import keras
import numpy as np
import pytest

from keras_ssd.images import CorruptImageError
from keras_ssd.models import precision
from keras_ssd.models.precision import dtype_of


def log_of(output):
    with (output / "log.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def corrupt(tmp_path):
    """Returns data that have a file that is not an image at some places."""
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"not an image")

    def corrupt(data, *places):
        samples = [
            dataclasses.replace(sample, image=file) if place in places else sample
            for place, sample in enumerate(data)
        ]
        return dataclasses.replace(data, samples=samples)

    return corrupt


def test_a_corrupt_image_ends_the_run_with_its_name(corrupt, data, run, tmp_path):
    message = f"^{tmp_path / 'broken.jpg'}: not an image that can be decoded"
    with pytest.raises(CorruptImageError, match=message):
        run(tmp_path / "run", data=corrupt(data[:3], 2))


def test_corrupt_images_can_be_skipped_and_are_counted(
    corrupt, data, run, recipe, tmp_path, caplog
):
    broken = corrupt(data[:3], 2)
    recipe = dataclasses.replace(recipe, steps=1)
    with caplog.at_level(logging.WARNING, "keras_ssd"):
        run(tmp_path / "run", recipe, data=broken, validation=broken, skip_corrupt_images=True)
    assert caplog.messages[-1] == "1 images could not be read and were skipped"
    assert len(log_of(tmp_path / "run")) == 1


@pytest.mark.parametrize("name", ["data", "validation"])
def test_data_of_corrupt_images_only_are_an_error_before_the_run(
    corrupt, data, validation, run, tmp_path, name
):
    whole = {"data": data, "validation": validation}[name]
    broken = corrupt(whole, *range(len(whole)))
    with pytest.raises(ValueError, match=f"none of {len(whole)} images can be read"):
        run(tmp_path / "run", skip_corrupt_images=True, **{name: broken})
    assert not (tmp_path / "run").exists()


def test_a_run_on_no_object_is_an_error(corrupt, data, run, recipe, tmp_path):
    empty = dataclasses.replace(
        data,
        samples=[
            dataclasses.replace(s, boxes=s.boxes[:0], labels=s.labels[:0], difficult=s.labels[:0])
            for s in data
        ],
    )
    with pytest.raises(ValueError, match="none of the 16 images has an object to learn"):
        run(tmp_path / "run", data=empty)
    assert not (tmp_path / "run").exists()
    # all that can be read is an image without objects
    two = dataclasses.replace(data, samples=[data[0], empty[1]])
    recipe = dataclasses.replace(recipe, steps=1)
    with pytest.raises(ValueError, match="none of the 1 image with objects can be read"):
        run(tmp_path / "other", recipe, data=corrupt(two, 0), skip_corrupt_images=True)


def test_bfloat16_trains_with_a_finite_loss_and_resumes_in_bfloat16_only(
    run, recipe, tmp_path, micro_ssd, monkeypatch, caplog
):
    (tmp_path / "cpuinfo").write_text("flags : fpu sse2 avx2")
    monkeypatch.setattr(precision, "CPU_FACTS", tmp_path / "cpuinfo")
    precision._log_once.cache_clear()
    recipe = dataclasses.replace(recipe, steps=1)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = micro_ssd()
    finally:
        keras.config.set_dtype_policy(policy)
    detector = run(tmp_path / "run", recipe, model=model, validation=None)
    assert dtype_of(detector.ssd) == "mixed_bfloat16"
    assert "mixed_bfloat16 is much slower than float32 here" in caplog.text
    (row,) = log_of(tmp_path / "run")
    assert 0 < float(row["loss"]) < 100
    assert not (tmp_path / "run" / "best.keras").exists()
    # the policy of Keras is float32 now; what counts is the model's
    run(tmp_path / "run", recipe, model=model, validation=None, resume=True)
    with pytest.raises(ValueError, match=r"other settings: dtype mixed_bfloat16 -> float32$"):
        run(tmp_path / "run", recipe, validation=None, resume=True)


def test_a_few_images_are_learnt(run, recipe, data, tmp_path):
    recipe = dataclasses.replace(recipe, batch_size=8, steps=30, learning_rate=0.01)
    run(tmp_path / "run", recipe, data=data[:8], validation=None, steps_per_epoch=5)
    losses = [float(row["loss"]) for row in log_of(tmp_path / "run")]
    assert losses[-1] < losses[0] / 2
    assert np.isfinite(losses).all()
