"""A run with a time limit ends in time, with its schedule finished."""

import csv
import dataclasses
import time
from types import SimpleNamespace

import h5py
import keras
import pytest

from keras_ssd.training import time_limit
from keras_ssd.training.time_limit import Clock, EndInTime, training_seconds


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [  # a step takes 2 s, an evaluation 5 s; the next one is 10 steps away, the others 20
        (-3, 0),
        (0, 0),
        (15, 15),  # the end comes within this epoch
        (20, 20),
        (26, 20),  # 1 s after the evaluation is too short for a step, so it is the last
        (27, 22),  # one step after it
        (65, 60),  # all of the second epoch
        (71, 60),  # its evaluation is the last
        (85, 75),  # 15 s of the third epoch
        (20 + 5 + 3 * 45 + 40, 20 + 4 * 40),
    ],
)
def test_what_is_left_for_training_by_hand(seconds, expected):
    left = training_seconds(
        seconds, step=2, evaluation=5, steps_to_evaluation=10, steps_per_epoch=20
    )
    assert left == expected


class World:
    """A clock that steps and evaluations move on, and a `fit` that calls the callback."""

    def __init__(
        self,
        monkeypatch,
        *,
        limit,
        batch,
        evaluation,
        expected_evaluation=None,
        per_epoch=20,
        accumulate=1,
        steps=10_000,
    ):
        self.now, self.batch, self.evaluation = 100.0, batch, evaluation
        monkeypatch.setattr(time_limit, "time", SimpleNamespace(monotonic=lambda: self.now))
        self.optimizer = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(1.0, steps))
        self.optimizer.build([keras.Variable([1.0])])
        self.clock = Clock(self.optimizer, steps, limit, began=self.now)
        first = evaluation if expected_evaluation is None else expected_evaluation
        self.callback = EndInTime(self.clock, per_epoch, accumulate, lambda: first)
        self.model = SimpleNamespace(stop_training=False)
        self.callback.set_model(self.model)
        self.callback.set_params({"steps": per_epoch})
        self.per_epoch = per_epoch

    def fit(self):
        """Trains to the end; returns the progress at each batch and the number of evaluations."""
        progress, epochs = [], 0
        self.callback.on_train_begin()
        while not self.model.stop_training:
            self.callback.on_epoch_begin(epochs)
            for batch in range(self.per_epoch):
                self.callback.on_train_batch_begin(batch)
                progress.append(self.clock.progress)
                self.now += self.batch(len(progress)) if callable(self.batch) else self.batch
                self.callback.on_train_batch_end(batch)
                if self.model.stop_training:
                    break
            self.callback.on_epoch_end(epochs)
            self.now += self.evaluation
            epochs += 1
        return progress, epochs


@pytest.mark.parametrize(
    ("batch", "accumulate"),
    [
        (0.5, 1),
        (0.5, 4),
        (lambda number: 20.0 if number == 1 else 0.3, 1),  # the first batch compiles
        (lambda number: 0.2 if number < 300 else 0.9, 1),  # another program begins
        (lambda number: 0.9 if number < 300 else 0.2, 1),  # or ends
    ],
    ids=["steady", "accumulating", "compiling", "slowing down", "speeding up"],
)
@pytest.mark.parametrize("evaluation", [0.5, 4.0, 30.0])
def test_the_schedule_ends_and_the_last_evaluation_fits_in(
    monkeypatch, batch, accumulate, evaluation
):
    world = World(monkeypatch, limit=600, batch=batch, evaluation=evaluation, accumulate=accumulate)
    progress, _ = world.fit()
    assert progress == sorted(progress)
    assert progress[0] == 0
    assert progress[-1] > 0.97
    assert world.clock.progress == 1
    assert float(world.optimizer.learning_rate) == 0
    assert world.clock.used <= 600
    assert len(progress) % accumulate == 0
    # At most an evaluation, its allowance and a few steps of the time are not used.
    assert world.clock.used > 600 - 6 - 1.25 * evaluation - 4


def test_a_longer_evaluation_than_foreseen_moves_the_end_of_the_training(monkeypatch):
    world = World(monkeypatch, limit=600, batch=0.5, evaluation=40, expected_evaluation=1)
    _, evaluations = world.fit()
    assert world.clock.used <= 600
    assert evaluations > 1
    assert world.clock.progress == 1


def test_without_change_of_speed_the_progress_is_even(monkeypatch):
    world = World(monkeypatch, limit=600, batch=0.5, evaluation=4, per_epoch=100)
    progress, _ = world.fit()
    middle = len(progress) // 2
    assert progress[middle] == pytest.approx(0.5, abs=0.03)


def rates_of(steps, progress):
    """The learning rate at each of some steps, at a progress by time."""
    optimizer = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(1.0, 100))
    optimizer.build([keras.Variable([1.0])])
    clock = Clock(optimizer, 100, limit=60, began=time.monotonic())
    clock.advance(progress)
    rates = []
    for step in steps:
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    return rates


def test_the_schedule_follows_the_steps_or_the_time_whichever_is_further():
    assert rates_of([0, 50, 100], progress=0.0) == pytest.approx([1, 0.5, 0])
    assert rates_of([0, 50, 75], progress=0.5) == pytest.approx([0.5, 0.5, 0.146447], rel=1e-4)


class Passing(keras.callbacks.Callback):
    """Moves a clock on: a batch takes 1 s, an evaluation 5 s. It keeps the learning rates."""

    def __init__(self, monkeypatch):
        super().__init__()
        self.now, self.rates = 1000.0, []
        monkeypatch.setattr(time_limit, "time", SimpleNamespace(monotonic=lambda: self.now))

    def on_train_batch_begin(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))
        self.now += 1

    def on_epoch_end(self, epoch, logs=None):
        self.now += 5


def test_a_run_ends_in_time_measured_and_saved_and_trains_no_further(
    run, recipe, tmp_path, monkeypatch, caplog
):
    caplog.set_level("INFO", logger="keras_ssd")
    output = tmp_path / "run"
    recipe = dataclasses.replace(recipe, steps=1000, warmup=0.0, average_over=0.1)
    passing = Passing(monkeypatch)
    monkeypatch.setattr("keras_ssd.training.training.time", time_limit.time)
    options = {"time_limit": 40.0, "steps_per_epoch": 12, "callbacks": [passing]}
    run(output, recipe, **options)
    # 12 batches, 5 s, 12 batches, and 5 s; 1 batch more would leave no time for 6.25 s and 0.4 s.
    assert passing.now == 1034
    assert len(passing.rates) == 24
    assert passing.rates[0] == pytest.approx(recipe.learning_rate)
    assert passing.rates[-1] < 0.01 * recipe.learning_rate
    with (output / "log.csv").open() as file:
        assert [bool(row["val_map"]) for row in csv.DictReader(file)] == [True, True]
    page = (output / "report.html").read_text("utf-8")
    assert "24 of 1000 steps are done, after 2 epochs. The run ends here." in page
    assert "the run ends here: its time limit leaves no time for another step" in caplog.messages
    with h5py.File(output / "state.weights.h5") as state:
        used, progress = (float(state["optimizer/vars"][name][()]) for name in last_two(state))
    assert (used, progress) == (29, 1)
    run(output, recipe, resume=True, **options)
    assert len(passing.rates) == 24


def last_two(state):
    """The names of the last two variables of the optimizer in a state."""
    return sorted(state["optimizer/vars"], key=int)[-2:]


def test_a_resumed_clock_goes_on_where_the_state_was_saved(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time_limit, "time", SimpleNamespace(monotonic=lambda: now[0]))
    optimizers = []
    for _ in range(2):
        optimizer = keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(1.0, 100))
        optimizer.build([keras.Variable([1.0])])
        optimizers.append(optimizer)
    clock = Clock(optimizers[0], 100, limit=60, began=1000.0)
    clock.resume()
    now[0] = 1012.0
    clock.advance(0.25)
    now[0] = 5003.0  # another process began at 5000 and took 3 s to load the state
    other = Clock(optimizers[1], 100, limit=60, began=5000.0)
    for new, saved in zip(optimizers[1].variables, optimizers[0].variables, strict=True):
        new.assign(saved)
    for _ in range(2):  # Keras's `fit` is called more than once, and the state is loaded each time
        other.resume()
        assert (other.used, other.progress) == (15, 0.25)
    assert float(optimizers[1].learning_rate) == pytest.approx(float(optimizers[0].learning_rate))


def test_a_limit_that_leaves_no_time_to_train_is_an_error(run, tmp_path):
    with pytest.raises(ValueError, match=r"^time_limit: in 0 s there is no time to train; it took"):
        run(tmp_path / "run", time_limit=0.1)
    assert not (tmp_path / "run" / "run.json").exists()  # the folder can be used again
