"""The speed of a run and its waiting for data."""

import math
import time
from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf

from keras_ssd.training.timing import MeasureSpeed, WaitingTime


def slow_batches(seconds, made):
    """Batches that take a while; their numbers are added to the list when they are made."""

    def wait(index):
        time.sleep(seconds)
        made.append(int(index))
        return np.float32(index)

    batches = tf.data.Dataset.range(1000)
    return batches.map(lambda index: (tf.numpy_function(wait, [index], tf.float32), {"a": index}))


def test_waiting_counts_the_time_until_a_batch_is_there_and_no_more():
    waiting = WaitingTime()
    batches = iter(waiting.measured(slow_batches(0.02, [])))
    reading = 0.0
    for index in range(5):
        began = time.monotonic()
        number, others = next(batches)
        reading += time.monotonic() - began
        assert (float(number), int(others["a"])) == (index, index)
        time.sleep(0.02)
    assert 5 * 0.02 <= waiting.seconds <= reading


def test_a_batch_that_is_ready_is_not_waited_for():
    waiting, made = WaitingTime(), []
    batches = iter(waiting.measured(slow_batches(0.2, made).prefetch(1)))
    next(batches)
    while len(made) < 2:
        time.sleep(0.01)
    before = waiting.seconds
    next(batches)
    assert waiting.seconds - before < 0.2


def test_the_first_batch_of_a_fit_does_not_count(monkeypatch):
    now = SimpleNamespace(time=0.0)
    waiting = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr("keras_ssd.training.timing.time.monotonic", lambda: now.time)
    speed = MeasureSpeed(4, waiting)
    optimizer = SimpleNamespace(learning_rate=keras.ops.convert_to_tensor(0.25))
    speed.set_model(SimpleNamespace(optimizer=optimizer))

    def epoch(number, seconds, waited):
        speed.on_epoch_begin(number)
        for index in range(len(seconds)):
            now.time += seconds[index]
            waiting.seconds += waited[index]
            speed.on_train_batch_end(index)
        logs = {"loss": 1.0}
        speed.on_epoch_end(number, logs)
        now.time += 100.0  # the evaluation
        return logs

    speed.on_train_begin()
    assert epoch(0, [60.0, 2.0, 2.0], [30.0, 1.0, 0.0]) == {
        "loss": 1.0,
        "learning_rate": 0.25,
        "images_per_second": 2.0,
        "data_wait_share": 0.25,
    }
    second = epoch(1, [1.0, 1.0], [0.0, 0.0])
    assert (second["images_per_second"], second["data_wait_share"]) == (4.0, 0.0)
    speed.on_train_begin()
    assert math.isnan(epoch(2, [60.0], [1.0])["images_per_second"])
