"""Guarding, saving and scoring beside the training steps."""

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import h5py
import pytest

from keras_ssd.data.pipeline import batch_ids
from keras_ssd.training import callbacks
from keras_ssd.training.callbacks import (
    NonFiniteLossError,
    SaveTrainingState,
    ScoreAndSaveDetector,
    StopOnNonFiniteLoss,
)
from keras_ssd.training.run import train


class ModelAtAStep:
    """Stands for a model in training; a saved state holds its step."""

    def __init__(self, step=0):
        self.optimizer = SimpleNamespace(iterations=step)
        self.saves = []

    def save_weights(self, path):
        self.saves.append(self.optimizer.iterations)
        Path(path).write_text(str(self.optimizer.iterations))


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests set, in seconds."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now.seconds)
    return now


@pytest.fixture
def saver(tmp_path, clock):
    saver = SaveTrainingState(tmp_path / "state.weights.h5", minutes=5)
    saver.set_model(ModelAtAStep())
    saver.on_train_begin()
    saver.on_train_batch_begin(0)
    return saver


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), float("-inf")])
def test_a_loss_that_is_no_number_names_its_step_and_images(loss):
    guard = StopOnNonFiniteLoss(lambda step: [f"first-of-{step}", "second"])
    guard.set_model(ModelAtAStep(step=8))  # after the ninth step, number 7, the counter is at 8
    message = f"the loss is {loss} at step 7 .*images of that batch: first-of-7, second"
    with pytest.raises(NonFiniteLossError, match=message):
        guard.on_train_batch_end(3, {"loss": loss})


def test_a_finite_loss_passes_however_large():
    guard = StopOnNonFiniteLoss(lambda step: pytest.fail("no batch is to be named"))
    guard.set_model(ModelAtAStep(step=8))
    guard.on_train_batch_end(3, {"loss": 1e38})


def test_within_an_epoch_the_state_is_saved_once_the_minutes_are_over(saver, clock):
    for seconds, step in ((1299, 1), (1301, 2), (1302, 3), (1600, 4), (1602, 5)):
        clock.seconds, saver.model.optimizer.iterations = seconds, step
        saver.on_train_batch_end(step)
    assert saver.model.saves == [2, 5]
    assert saver.path.read_text() == "5"


def test_the_state_at_the_end_of_an_epoch_counts_once_the_epoch_is_finished(saver):
    saver.model.optimizer.iterations = 3
    saver.save()
    saver.model.optimizer.iterations = 4
    saver.on_epoch_end(0)
    assert saver.path.read_text() == "3"
    saver.finish_epoch()
    assert saver.path.read_text() == "4"
    assert [path.name for path in saver.path.parent.iterdir()] == ["state.weights.h5"]


def test_nothing_is_saved_while_averaged_weights_stand_in_for_the_trained_ones(saver):
    saver.save()
    saver.model.optimizer.iterations = 4
    saver.on_epoch_end(0)
    saver.save()  # as an interruption while scoring does
    assert saver.path.read_text() == "0"
    saver.finish_epoch()
    saver.save()  # as one before the next epoch does
    assert saver.model.saves == [0, 4]
    saver.on_train_batch_begin(0)
    saver.save()
    assert saver.model.saves == [0, 4, 4]


def test_nothing_is_saved_before_the_first_step(tmp_path):
    saver = SaveTrainingState(tmp_path / "state.weights.h5")
    saver.save()
    assert [*tmp_path.iterdir()] == []


@pytest.fixture
def scorer(monkeypatch, tmp_path):
    """Makes a callback whose detector is saved as its version and scores what a test says."""

    def make(samples, best=-1.0):
        detector = SimpleNamespace(version=0)
        detector.save = lambda path: Path(path).write_text(f"version {detector.version}")
        return ScoreAndSaveDetector(
            detector, samples, tmp_path, best=best, batch_size=2, skipped=None
        )

    monkeypatch.setattr(callbacks, "predict_samples", lambda *args, **kwargs: [])
    monkeypatch.setattr(callbacks, "class_names", lambda detector: ("cat",))
    monkeypatch.setattr(
        callbacks,
        "evaluate_voc",
        lambda detections, samples, names: SimpleNamespace(map_11_point=samples[0].pop(0)),
    )
    return make


def end_epochs(scorer, count):
    logs = []
    for epoch in range(count):
        scorer.detector.version = epoch
        logs.append({"loss": 1.0})
        scorer.on_epoch_end(epoch, logs[-1])
    return logs


def test_the_last_detector_is_always_saved_and_the_best_only_if_better(scorer, tmp_path):
    logs = end_epochs(scorer([[0.2, 0.5, 0.5, 0.4]]), 4)
    assert [entry["val_map"] for entry in logs] == [0.2, 0.5, 0.5, 0.4]
    assert (tmp_path / "last.keras").read_text() == "version 3"
    assert (tmp_path / "best.keras").read_text() == "version 1"


def test_a_map_of_zero_is_better_than_none(scorer, tmp_path):
    end_epochs(scorer([[0.0]]), 1)
    assert (tmp_path / "best.keras").is_file()


def test_a_resumed_run_replaces_the_best_only_by_a_better_one(scorer, tmp_path):
    end_epochs(scorer([[0.2, 0.3]], best=0.3), 2)
    assert not (tmp_path / "best.keras").exists()


def test_without_validation_samples_there_is_neither_score_nor_best(scorer, tmp_path):
    assert end_epochs(scorer([]), 1) == [{"loss": 1.0}]
    assert [path.name for path in tmp_path.iterdir()] == ["last.keras"]


def test_a_diverging_run_ends_with_its_step_and_images_and_keeps_its_state(
    data, recipe, micro_ssd, tmp_path
):
    # The loss of step 0 is one of random weights; those of step 1 are as large as floats get.
    diverging = dataclasses.replace(recipe, learning_rate=1e38, warmup=0.0)
    with pytest.raises(NonFiniteLossError) as error:
        train(
            micro_ssd(),
            data.samples,
            class_names=data.class_names,
            output=tmp_path,
            recipe=diverging,
            steps_per_epoch=1,
        )
    ids = ", ".join(batch_ids(data.samples, 1, batch_size=4, seed=0))
    assert f"at step 1 (counted from 0); images of that batch: {ids}." in str(error.value)
    with h5py.File(tmp_path / "state.weights.h5") as state:
        assert int(state["optimizer/vars/0"][()]) == 1  # saved after step 0, and not since
