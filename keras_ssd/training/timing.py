"""Measures the speed of a training run, and how long it waits for its data."""

import math
import time
from typing import Any

import keras
import tensorflow as tf


class WaitingTime:
    """The time that the reader of a data set has waited for batches.

    The time is measured within tf.data, because Keras asks for the next batch within its compiled
    training step. It counts from the moment when a batch is asked for until it is there: if it was
    prefetched, that is next to nothing (a third of a millisecond with the measuring itself).

    Examples:
        >>> import tensorflow as tf
        >>> from keras_ssd.training.timing import WaitingTime
        >>> waiting = WaitingTime()
        >>> list(waiting.measured(tf.data.Dataset.range(2)).as_numpy_iterator())
        [np.int64(0), np.int64(1)]
        >>> 0 < waiting.seconds < 1
        True
    """

    def __init__(self) -> None:
        with tf.device("CPU"):
            self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)

    @property
    def seconds(self) -> float:
        """The time so far."""
        return float(self._seconds.numpy())

    def measured(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the same batches; reading them is measured."""

        def add(asked: tf.Tensor, batch: Any, got: tf.Tensor) -> Any:
            self._seconds.assign_add(got - asked)
            return batch

        # `zip` reads its data sets one after the other.
        clock = tf.data.Dataset.counter().map(lambda _: tf.timestamp())
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False  # it would read ahead of Keras
        return tf.data.Dataset.zip((clock, batches, clock)).map(add).with_options(options)


class MeasureSpeed(keras.callbacks.Callback):
    """Adds the learning rate and the speed of each epoch to its logs.

    "learning_rate" is that of the next step. "images_per_second" counts the images that are trained
    on. "data_wait_share" is the share of the time that the training waited for batches. The time of
    an epoch neither includes what comes after it, such as the measuring of mAP, nor the first batch
    of a `fit`, for which the model is compiled. Without any other batch both are nan.

    Args:
        batch_size: the number of images in a batch.
        waiting: the waiting time of the data set.
    """

    def __init__(self, batch_size: int, waiting: WaitingTime):
        super().__init__()
        self.batch_size = batch_size
        self.waiting = waiting
        self._is_first_batch = False

    def on_train_begin(self, logs: Any = None) -> None:
        """Makes the next batch the first one."""
        self._is_first_batch = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Begins to measure."""
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Counts the batch, or begins again after the first one."""
        if self._is_first_batch:
            self._is_first_batch = False
            self._begin()
        else:
            self._batches += 1

    def _begin(self):
        self._began, self._waited, self._batches = time.monotonic(), self.waiting.seconds, 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Adds the figures to the logs."""
        seconds = time.monotonic() - self._began
        rate, share = math.nan, math.nan
        if self._batches and seconds > 0:
            rate = self._batches * self.batch_size / seconds
            share = min(1.0, (self.waiting.seconds - self._waited) / seconds)
        learning_rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        figures = {
            "learning_rate": float(learning_rate),
            "images_per_second": rate,
            "data_wait_share": share,
        }
        if logs is not None:
            logs |= figures
