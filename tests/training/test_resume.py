"""A run that is stopped and resumed ends with exactly the weights of one that was never stopped."""

import csv
import dataclasses
import os
import signal
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest

from keras_ssd import callbacks
from keras_ssd.detector import open_detector
from keras_ssd.training.callbacks import batches_of
from keras_ssd.training.saving import SaveTrainingState


@pytest.fixture(autouse=True)
def _ctrl_c_raises():
    """Makes Ctrl-C raise KeyboardInterrupt, also in a background process, which may ignore it."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


class SignalInBatch(keras.callbacks.Callback):
    """Sends a signal to this process once the batch of a number, from 1, has begun."""

    def __init__(self, batch, number=signal.SIGINT):
        super().__init__()
        self.batch = batch
        self.number = number

    def on_train_batch_begin(self, batch, logs=None):
        if batches_of(self.model) == self.batch - 1:
            os.kill(os.getpid(), self.number)


class SignalAtEpochEnd(keras.callbacks.Callback):
    """Sends SIGINT at the end of an epoch, once it is measured and before it is logged."""

    def on_epoch_end(self, epoch, logs=None):
        os.kill(os.getpid(), signal.SIGINT)


def log_of(output):
    """The rows of the log, without the speed, which differs each time."""
    if not (output / "log.csv").exists():
        return []
    with (output / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    speed = ("images_per_second", "data_wait_share")
    return [{name: row[name] for name in row if name not in speed} for row in rows]


def arrays_of(file):
    """All arrays of an HDF5 file, by name."""
    arrays = {}
    with h5py.File(file) as state:
        state.visititems(
            lambda name, item: arrays.update({name: item[()]} if hasattr(item, "shape") else {})
        )
    return arrays


def batches_in(output):
    return int(arrays_of(output / "state.weights.h5")["optimizer/vars/0"])


def assert_same_end(whole, resumed):
    expected = arrays_of(whole / "state.weights.h5")
    found = arrays_of(resumed / "state.weights.h5")
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    for name in ("last.keras", "best.keras"):
        weights = [open_detector(folder / name).get_weights() for folder in (whole, resumed)]
        for one, other in zip(*weights, strict=True):
            np.testing.assert_array_equal(other, one)
    epochs, again = log_of(whole), log_of(resumed)
    assert [row["epoch"] for row in again] == [str(epoch) for epoch in range(len(epochs))]
    assert [row["val_map"] for row in epochs] == [row["val_map"] for row in again]
    assert not (resumed / "unfinished_epoch.json").exists()


@pytest.fixture(scope="module")
def averaging(recipe):
    """A recipe of three and a half epochs that averages its weights; a step takes two batches.

    Keras trains the whole epochs in one call, the rest of an interrupted one in a call of its own.
    """
    return dataclasses.replace(recipe, average_over=0.3, steps=7, accumulate=2)


@pytest.fixture(scope="module")
def whole(run, averaging, tmp_path_factory):
    """The folder of a run that was never stopped, of 4 batches an epoch."""
    output = tmp_path_factory.mktemp("whole") / "run"
    run(output, averaging)
    return output


def test_without_averages_a_run_resumes_exactly_too(run, finished, tmp_path):
    output = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(output, callbacks=[SignalInBatch(6)])
    run(output, resume=True)
    assert_same_end(finished[0], output)


@pytest.mark.parametrize("batch", [7, 8], ids=["within a step", "in the last step of an epoch"])
def test_ctrl_c_finishes_the_batch_and_the_run_resumes_exactly(
    run, averaging, whole, tmp_path, batch
):
    output = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run(output, averaging, callbacks=[SignalInBatch(batch)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert batches_in(output) == batch
    assert len(log_of(output)) == 1
    assert "The run was interrupted: " in (output / "report.html").read_text("utf-8")
    run(output, averaging, resume=True)
    assert_same_end(whole, output)
    if batch == 8:  # else the second row's losses are those of the steps after the interruption
        assert log_of(output) == log_of(whole)


@pytest.mark.parametrize("when", ["while it is measured", "before it is logged"])
def test_a_kill_at_the_end_of_an_epoch_costs_no_step(run, averaging, whole, tmp_path, when):
    output = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        more = [SignalAtEpochEnd()]
        if when == "while it is measured":
            more = []
            kill = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)  # noqa: E731
            patch.setattr(callbacks, "evaluate_map", kill)
        with pytest.raises(KeyboardInterrupt):
            run(output, averaging, callbacks=more)
    assert batches_in(output) == 4
    assert log_of(output) == []
    batches = []
    count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: batches.append(1))
    run(output, averaging, resume=True, callbacks=[count])
    assert len(batches) == 10
    assert_same_end(whole, output)
    assert log_of(output) == log_of(whole)


def test_a_kill_without_warning_resumes_from_the_last_state(run, averaging, whole, tmp_path):
    class Die(keras.callbacks.Callback):
        """Ends the run as SIGKILL does: nothing more is saved."""

        def on_train_batch_end(self, batch, logs=None):
            if batches_of(self.model) == 7:
                raise MemoryError

    output = tmp_path / "run"
    with pytest.raises(MemoryError):
        run(output, averaging, callbacks=[Die()])
    assert batches_in(output) == 4
    run(output, averaging, resume=True)
    assert_same_end(whole, output)
    assert log_of(output) == log_of(whole)


def test_an_epoch_that_was_logged_but_not_noted_is_logged_once(run, averaging, whole, tmp_path):
    class Die(keras.callbacks.Callback):
        """Ends the run between the last steps of the end of the second epoch."""

        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise MemoryError

    output = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        # the log is written, then the note is removed
        patch.setattr("keras_ssd.training.run.FinishEpoch", lambda folder: Die())
        with pytest.raises(MemoryError):
            run(output, averaging)
    assert len(log_of(output)) == 2
    run(output, averaging, resume=True)
    assert_same_end(whole, output)
    assert log_of(output) == log_of(whole)


def test_kill_does_what_ctrl_c_does_where_the_command_takes_it_so(run, tmp_path, caplog):
    output = tmp_path / "run"
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as `keras-ssd` does
    try:
        with pytest.raises(KeyboardInterrupt):
            run(output, callbacks=[SignalInBatch(2, signal.SIGTERM)])
    finally:
        signal.signal(signal.SIGTERM, handler)
    assert caplog.messages[-1] == f"interrupted; the run in {output} can be resumed"
    assert batches_in(output) == 2

    before = (output / "state.weights.h5").read_bytes()
    with pytest.MonkeyPatch.context() as patch:

        def load_half(model, path):
            raise KeyboardInterrupt

        patch.setattr(keras.Model, "load_weights", load_half)
        with pytest.raises(KeyboardInterrupt):
            run(output, resume=True)
    assert (output / "state.weights.h5").read_bytes() == before


def test_a_second_ctrl_c_stops_at_once_and_saves_nothing(run, tmp_path):
    output = tmp_path / "run"
    twice = [SignalInBatch(3), SignalInBatch(3)]
    with pytest.raises(KeyboardInterrupt):
        run(output, callbacks=twice)
    assert batches_in(output) == 0


def test_a_run_without_a_state_yet_begins_with_its_own_weights(run, tmp_path, micro_ssd):
    output, model = tmp_path / "run", micro_ssd()
    weights = model.get_weights()

    def no_batches(*args, **kwargs):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "fit", no_batches)
        with pytest.raises(KeyboardInterrupt):
            run(output, model=model)
    assert batches_in(output) == 0
    other = micro_ssd()
    other.set_weights([weight + 1 for weight in weights])
    stop = [SignalInBatch(1)]
    with pytest.raises(KeyboardInterrupt):
        run(output, model=other, callbacks=stop, resume=True)
    first = np.abs(other.get_weights()[0] - weights[0]).max()
    assert first < 0.1


def test_saves_are_minutes_apart(run, recipe, tmp_path, monkeypatch):
    seconds = iter(range(0, 100_000, 100))
    clock = SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr("keras_ssd.training.saving.time", clock)
    saves = []
    save = SaveTrainingState._save
    monkeypatch.setattr(
        SaveTrainingState,
        "_save",
        lambda saver: (saves.append(int(saver.model.optimizer.iterations)), save(saver)),
    )
    run(tmp_path / "run", dataclasses.replace(recipe, steps=8), steps_per_epoch=8, validation=None)
    # a step takes 100 s here: the fourth is more than 5 minutes after the start
    assert saves == [4, 8]
