"""The batch size fits the free memory, and a resumed run takes that of its beginning."""

import dataclasses
import json
import subprocess
from types import SimpleNamespace

import keras
import pytest

from keras_ssd.models import SSDTiny128
from keras_ssd.models.transfer import freeze_up_to
from keras_ssd.training import batch_size
from keras_ssd.training.batch_size import fitted_to_memory, free_memory, needed_memory
from keras_ssd.training.recipes import RECIPES

GIB = 2**30


@pytest.fixture(scope="module")
def ssd():
    return SSDTiny128(3)


def free_for(ssd, images):
    """The free memory in bytes with room for a batch of so many images, but not for one more."""
    return round(needed_memory(ssd, images) / 0.6) + 1


@pytest.mark.parametrize(
    ("room_for", "batch", "accumulate"),
    [(1000, 12, 1), (12, 12, 1), (11, 6, 2), (5, 4, 3), (4, 4, 3), (2, 2, 6), (1, 1, 12)],
)
def test_a_batch_is_divided_until_it_fits_and_a_step_keeps_its_images(
    ssd, room_for, batch, accumulate
):
    recipe = dataclasses.replace(RECIPES["finetune"], batch_size=12)
    fitted = fitted_to_memory(recipe, ssd, free_for(ssd, room_for))
    assert fitted == dataclasses.replace(recipe, batch_size=batch, accumulate=accumulate)
    assert fitted.images_per_step == 12


def test_one_image_is_the_least_and_an_accumulation_stays(ssd):
    recipe = dataclasses.replace(RECIPES["finetune"], batch_size=4, accumulate=3)
    fitted = fitted_to_memory(recipe, ssd, 0)
    assert (fitted.batch_size, fitted.accumulate) == (1, 12)


def test_what_it_took_is_logged(ssd, caplog):
    caplog.set_level("INFO", "keras_ssd")
    fitted_to_memory(RECIPES["paper"], ssd, 2 * GIB)
    assert caplog.messages == [
        "batch size: 32 images, 1 batch in a step (a batch needs about 0.7 GiB, 2.0 GiB are free)"
    ]


def test_frozen_layers_need_less_memory(ssd):
    frozen = SSDTiny128(3)
    freeze_up_to(frozen, "stride8")
    assert needed_memory(frozen, 64) < 0.95 * needed_memory(ssd, 64)


def test_the_limit_of_a_container_counts(monkeypatch, tmp_path):
    limit, used = tmp_path / "limit", tmp_path / "used"
    monkeypatch.setattr(batch_size, "_CGROUPS", [(str(limit), str(used))])
    free = free_memory()
    assert 0 < free < 2**50
    used.write_text("100\n")
    limit.write_text("max\n")
    assert free_memory() > 1000
    limit.write_text("1100\n")
    assert free_memory() == 1000


def test_the_memory_of_the_smallest_gpu_counts(monkeypatch):
    monkeypatch.setattr(batch_size, "_has_gpu", lambda: True)

    def told(*_, **__):
        return SimpleNamespace(stdout="81559\n24576\n")

    monkeypatch.setattr(subprocess, "run", told)
    assert free_memory() == 24 * GIB

    def missing(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)
    with pytest.raises(ValueError, match=r'^batch_size="auto": nvidia-smi does not tell'):
        free_memory()


def test_a_resumed_run_takes_the_batch_size_of_its_beginning(
    run, recipe, tmp_path, monkeypatch, micro_ssd
):
    output = tmp_path / "run"
    recipe = dataclasses.replace(recipe, steps=2)
    monkeypatch.setattr(batch_size, "free_memory", lambda: free_for(micro_ssd(), 2))
    run(output, recipe, batch_size="auto", validation=None)
    settings = json.loads((output / "run.json").read_text())["recipe"]
    assert (settings["batch_size"], settings["accumulate"]) == (2, 2)
    monkeypatch.setattr(batch_size, "free_memory", lambda: 2**50)
    run(output, recipe, batch_size="auto", validation=None, resume=True)


def test_what_does_not_go_with_an_automatic_batch_size_is_an_error(run, tmp_path):
    with pytest.raises(ValueError, match=r'^batch_size: expected "auto" or None, not 8'):
        run(tmp_path / "run", batch_size=8)
    with pytest.raises(ValueError, match="the optimizer must be the recipe's"):
        run(tmp_path / "run", batch_size="auto", optimizer=keras.optimizers.SGD())
