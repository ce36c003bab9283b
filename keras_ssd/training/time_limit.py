"""Ends a run in time, with its schedule finished, its weights measured and saved."""

import logging
import statistics
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.detector import Detector
from keras_ssd.evaluation.predictions import predict_samples

SPARE = 0.01  # the share of the time that is left for what cannot be foreseen
_SLOWER = 1.25  # how much longer the next evaluation may take than the longest so far

logger = logging.getLogger("keras_ssd")


class TimedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Follows a schedule by steps or by time, whichever has come further.

    Args:
        schedule: one of Keras's learning rate schedules.
        steps: the number of steps at which the schedule ends.
        progress: a scalar variable, the share of the training that is done by time.
    """

    def __init__(
        self,
        schedule: keras.optimizers.schedules.LearningRateSchedule,
        steps: int,
        progress: keras.Variable,
    ):
        self.schedule = schedule
        self.steps = steps
        self.progress = progress

    def __call__(self, step: Any) -> Any:
        return self.schedule(ops.maximum(ops.cast(step, "float32"), self.steps * self.progress))

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError("a schedule that follows a clock cannot be saved")


class Clock:
    """The time that a run has used, and the progress of its schedule by time.

    Both are variables of the optimizer, so the run's state has them, and a resumed run goes on with
    the time that is left. The learning rate follows the progress.

    Args:
        optimizer: the optimizer, already built.
        steps: the number of steps at which its schedule ends.
        limit: the time that the run may take, in seconds.
        began: the time when this process began the run, by `time.monotonic`.

    Attributes:
        progress: the share of the training that is done by time; 1 if the run is over.
    """

    def __init__(
        self, optimizer: keras.optimizers.Optimizer, steps: int, limit: float, began: float
    ):
        self.limit = limit
        self.progress = 0.0
        self._began = began
        self._before: float | None = None  # the seconds that the run used in earlier processes
        self._variables = [
            optimizer.add_variable(shape=(), name=name, aggregation="only_first_replica")
            for name in ("seconds_used", "progress")
        ]
        schedule = optimizer._learning_rate
        if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            optimizer.learning_rate = TimedSchedule(schedule, steps, self._variables[1])

    def resume(self) -> None:
        """Goes on from the values that the variables have in the run's state, the first time."""
        if self._before is None:
            self._before, self.progress = (
                float(ops.convert_to_numpy(variable)) for variable in self._variables
            )

    @property
    def used(self) -> float:
        """The seconds that the run has used."""
        return (self._before or 0.0) + time.monotonic() - self._began

    def advance(self, progress: float) -> None:
        """Writes the time used, and the progress, into the variables."""
        self.progress = progress
        for variable, value in zip(self._variables, (self.used, progress), strict=True):
            variable.assign(value)


class EndInTime(keras.callbacks.Callback):
    """Lets the schedule end, and the training stop, while there is time to measure and save.

    It must be the first of a run's callbacks. Before each batch it plans how much of the time that
    is left is for training: not the last evaluation, nor the evaluations before it, nor a spare
    hundredth of the limit. The progress of the schedule grows so that it is 1 when that time is
    over, whatever the speed was until now. The run ends after a whole step.

    Args:
        clock: the run's clock.
        batches_per_epoch: the number of batches between two evaluations.
        accumulate: the number of batches in a step.
        estimate: a function that returns how many seconds an evaluation with saving takes, about.
            Later the longest one counts.

    Raises:
        ValueError: `fit` raises it at the start of a run if the limit leaves no time to train.
    """

    def __init__(
        self, clock: Clock, batches_per_epoch: int, accumulate: int, estimate: Callable[[], float]
    ):
        super().__init__()
        self.clock = clock
        self.batches_per_epoch = batches_per_epoch
        self.accumulate = accumulate
        self.evaluation = -1.0  # the seconds that an evaluation with saving takes, if known
        self._estimate = estimate
        self._durations: deque[float] = deque(maxlen=9)  # of the last batches
        self._batch_began = 0.0
        self._trained_at: float | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Estimates how long an evaluation will take, once."""
        if self.evaluation >= 0:
            return
        self.evaluation = self._estimate()
        if self.clock.progress == 0 and self._left() <= 0:
            raise ValueError(
                f"time_limit: in {self.clock.limit:.0f} s there is no time to train; it took "
                f"{self.clock.used:.0f} s to begin, and measuring and saving will take "
                f"{self.evaluation:.0f} s"
            )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Notes how long the evaluation and the saving took."""
        if self._trained_at is not None:
            self.evaluation = max(self.evaluation, self.clock.used - self._trained_at)
            self._trained_at = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Sets the progress of the schedule for this batch."""
        if batch:
            self._advance(batches_to_evaluation=self.params["steps"] - batch)
        self._batch_began = self.clock.used

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stops the training if there is no time for another step."""
        if (batch + 1) % self.accumulate == 0 and self._left() < self._step_seconds():
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stops the training if there is no time for another step and evaluation after this one."""
        self._advance(batches_to_evaluation=0)
        self._trained_at = self.clock.used
        if self.clock.progress == 1:
            self.model.stop_training = True
            logger.info("the run ends here: its time limit leaves no time for another step")

    def _advance(self, batches_to_evaluation):
        seconds = self.clock.used - self._batch_began
        self._durations.append(seconds)
        left = training_seconds(
            self._left(),
            step=self._step_seconds(),
            evaluation=_SLOWER * self.evaluation,
            steps_to_evaluation=batches_to_evaluation / self.accumulate,
            steps_per_epoch=self.batches_per_epoch / self.accumulate,
        )
        is_over = self.model.stop_training or left < self._step_seconds()
        share = 1.0 if is_over else seconds / (seconds + left)
        # On JAX, `self.model` above has filled the variables with their present values.
        self.clock.advance(1.0 - (1.0 - self.clock.progress) * (1.0 - share))

    def _left(self):
        """Returns the seconds left before the last evaluation and saving must begin."""
        return self.clock.limit * (1 - SPARE) - self.clock.used - _SLOWER * self.evaluation

    def _step_seconds(self):
        # The first batches take longer, because they compile the step.
        return self.accumulate * statistics.median(self._durations) if self._durations else 0.0


def training_seconds(
    seconds: float,
    *,
    step: float,
    evaluation: float,
    steps_to_evaluation: float,
    steps_per_epoch: float,
) -> float:
    """Returns how many of the seconds left are for training, and not for evaluations.

    Args:
        seconds: the time left before the last evaluation must begin.
        step: the seconds that a step takes.
        evaluation: the seconds that each of the evaluations before the last one takes.
        steps_to_evaluation: the number of steps before the next evaluation.
        steps_per_epoch: the number of steps between two evaluations after that.

    Examples:
        10 steps of 2 s, an evaluation of 5 s, 20 steps, another evaluation, and 15 s of a third
        epoch, before the last evaluation:

        >>> training_seconds(
        ...     85, step=2, evaluation=5, steps_to_evaluation=10, steps_per_epoch=20
        ... )
        75.0
    """
    first = steps_to_evaluation * step
    if seconds <= first:
        return max(float(seconds), 0.0)
    rest = seconds - first - evaluation
    if rest < step:
        return float(first)  # the next evaluation is the last one
    epoch = steps_per_epoch * step
    epochs = rest // (epoch + evaluation)
    last = min(rest - epochs * (epoch + evaluation), epoch)
    return float(first + epochs * epoch + (last if last >= step else 0.0))


def seconds_to_evaluate(
    detector: Detector, data: AnnotatedImages, *, batch_size: int, skipped: set[str] | None
) -> float:
    """Returns how long the predictions for an evaluation will take, measured on two batches."""
    few = data[: 2 * batch_size]
    began = 0.0
    for _ in range(2):  # the first time includes the compilation
        began = time.monotonic()
        predict_samples(detector, few, batch_size=batch_size, skipped=skipped)
    return (time.monotonic() - began) * len(data) / len(few)
