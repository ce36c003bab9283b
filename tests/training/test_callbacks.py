"""A run stops at a loss that is not finite."""

import dataclasses
from types import SimpleNamespace

import h5py
import pytest

from keras_ssd.data.pipeline import batch_ids
from keras_ssd.training.callbacks import NonFiniteLossError, StopOnNonFiniteLoss


def at_step(guard, step):
    guard.set_model(SimpleNamespace(optimizer=SimpleNamespace(variables=[step])))
    return guard


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_not_finite_names_its_step_and_images(loss):
    # after the ninth step, number 8, the counter is at 9
    guard = at_step(StopOnNonFiniteLoss(lambda step: [f"first-of-{step}", "second"]), 9)
    message = f"the loss is {loss} at step 8 .*images of that batch: first-of-8, second"
    with pytest.raises(NonFiniteLossError, match=message):
        guard.on_train_batch_end(3, {"loss": loss})


def test_a_finite_loss_passes_however_large():
    guard = at_step(StopOnNonFiniteLoss(lambda step: pytest.fail("no batch is to be named")), 9)
    guard.on_train_batch_end(3, {"loss": 1e38})


def test_a_diverging_run_ends_with_its_step_and_images_and_keeps_its_state(
    data, recipe, run, tmp_path
):
    # The loss of step 0 is that of random weights; those of step 1 are as large as floats get.
    diverging = dataclasses.replace(recipe, learning_rate=1e38, warmup=0.0)
    with pytest.raises(NonFiniteLossError) as error:
        run(tmp_path / "run", diverging, validation=None, steps_per_epoch=1)
    ids = ", ".join(batch_ids(data, 1, batch_size=4, seed=0))
    assert f"at step 1 (counted from 0); images of that batch: {ids}." in str(error.value)
    with h5py.File(tmp_path / "run" / "state.weights.h5") as state:
        assert int(state["optimizer/vars/0"][()]) == 1  # saved after step 0, and not since
