"""Runs a training from the state in its folder to its last step."""

import dataclasses
import importlib.util
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_ssd.callbacks import MeanAveragePrecision
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.cached_images import CachedImages, cached_images
from keras_ssd.data.pipeline import batch_ids, evaluation_dataset, training_dataset
from keras_ssd.data.tf_augmentation import TFPaperAugmentation
from keras_ssd.detector import Detector
from keras_ssd.detector.callbacks import with_detector
from keras_ssd.evaluation.mean_ap import check_measurable
from keras_ssd.models.precision import dtype_of, warn_of_slow_bfloat16
from keras_ssd.models.ssd import SSD
from keras_ssd.terminal import counted
from keras_ssd.training.callbacks import (
    StopEarly,
    StopOnNonFiniteLoss,
    UseAverages,
    WriteLog,
    batches_of,
)
from keras_ssd.training.devices import (
    WaitForOthers,
    check_devices,
    lost_processes_named,
    this_process,
    wait_for_others,
)
from keras_ssd.training.folder import RunFolder
from keras_ssd.training.recipes import Recipe
from keras_ssd.training.reporting import WriteReport
from keras_ssd.training.saving import FinishEpoch, SaveDetectors, SaveTrainingState, save_state
from keras_ssd.training.settings import run_settings
from keras_ssd.training.time_limit import Clock, EndInTime, seconds_to_evaluate
from keras_ssd.training.timing import MeasureSpeed, WaitingTime

logger = logging.getLogger("keras_ssd")


@dataclasses.dataclass
class Run:
    """Holds what one training run needs; `train` explains the attributes.

    Keras counts batches: `accumulate` of them are a step, which changes the weights once.
    """

    detector: Detector
    data: AnnotatedImages
    folder: RunFolder
    recipe: Recipe
    validation: AnnotatedImages | None
    optimizer: keras.optimizers.Optimizer | None
    callbacks: Sequence[keras.callbacks.Callback]
    augmentation: Callable | TFPaperAugmentation
    steps_per_epoch: int
    seed: int
    skipped: set[str] | None
    time_limit: float | None
    early_stop: int | None
    cache: CachedImages | str | Path | None
    began: float  # by `time.monotonic`
    has_trained: bool = False

    def check(self) -> None:
        """Raises ValueError where the arguments do not fit, before anything is written."""
        dataclasses.replace(self, cache=None)._batches(0)  # checks data and classes
        check_devices(self.detector, self.recipe)
        warn_of_slow_bfloat16(dtype_of(self.detector.ssd))
        if not self.data.num_objects:
            images = counted(len(self.data), "image")
            raise ValueError(f"data: none of the {images} has an object to learn")
        if self.validation is not None:
            check_measurable(self.validation, self.detector)
            evaluation_dataset(self.validation, self.detector.image_size, skipped=self.skipped)
        if self.optimizer is not None and self.optimizer.built:
            raise ValueError("optimizer: it has trained a model before; expected a new one")
        if self.optimizer is not None:
            accumulate = self.optimizer.gradient_accumulation_steps or 1
            if accumulate != self.recipe.accumulate:
                raise ValueError(
                    f"optimizer: it accumulates the gradients of {accumulate} batches, but the "
                    f"recipe's `accumulate` is {self.recipe.accumulate}"
                )
        if self.early_stop is not None and self.validation is None:
            raise ValueError("early_stop: there are no images to validate on")
        if self.time_limit is not None and this_process().count > 1:
            raise ValueError("time_limit: a run of several processes cannot have one")

    def settings(self) -> dict[str, Any]:
        """Returns what decides the outcome of the run; see `run_settings`."""
        return run_settings(
            self.detector,
            self.data,
            self.validation,
            self.recipe,
            self.optimizer,
            self.augmentation,
            steps_per_epoch=self.steps_per_epoch,
            seed=self.seed,
            time_limit=self.time_limit,
            early_stop=self.early_stop,
            cache=self.cache is not None,
            skip_corrupt_images=self.skipped is not None,
        )

    @property
    def _batches_per_epoch(self):
        return self.steps_per_epoch * self.recipe.accumulate

    def fit(self) -> None:
        """Trains from the state in the folder, or from the start, to the end of the run."""
        trainee = self._trainee()
        self.cache = cached_images(self.data, self.cache, self.detector.image_size, self.skipped)
        clock = self._clock(trainee)
        in_time = [] if clock is None else [self._end_in_time(clock, trainee)]
        measuring = None if self.validation is None else self._measure()
        report = self._only_first([WriteReport(self.folder, measuring, self.recipe.accumulate)])
        with SaveTrainingState(self.folder) as saver, lost_processes_named():
            after_each_epoch = [
                UseAverages(),
                *filter(None, [measuring]),
                *self._only_first([SaveDetectors(self.detector, self.folder)]),
                *self.callbacks,
                *self._only_first([WriteLog(self.folder)]),
                WaitForOthers(),
                *self._early_stop(),
                *self._only_first(self._tensorboard()),
                *report,
                *self._only_first([FinishEpoch(self.folder)]),
            ]
            try:
                if this_process().index == 0 and not self.folder.state.exists():
                    save_state(self.folder.state, trainee.ssd)  # may be random
                trainee.stop_training = False
                while not trainee.stop_training:
                    wait_for_others()
                    # Keras's `fit` leaves averages in place of the weights when it returns.
                    trainee.ssd.load_weights(self.folder.state)
                    batches = batches_of(trainee)
                    if clock is not None:
                        clock.resume()
                    self._finish_epoch(trainee, batches, after_each_epoch)
                    if trainee.stop_training or self._is_over(batches, clock):
                        break
                    self._fit_epochs(trainee, batches, [*in_time, saver, *after_each_epoch])
            except KeyboardInterrupt:
                logger.warning("interrupted; the run in %s can be resumed", self.folder.path)
                for one in report:
                    one.interrupted()
                raise
            except OSError as error:
                if full := self.folder.disk_full(error):
                    raise full from error
                raise
        self._check_that_something_was_learnt()

    def _trainee(self):
        """Builds a detector around the same layers, so that saved detectors have no optimizer."""
        ssd = self.detector.ssd
        ssd = SSD(ssd.input, ssd.output, ssd.config, name=ssd.name)
        trainee = Detector(ssd, self.detector.class_names, **self.detector.thresholds)
        trainee.compile(self.optimizer or self.recipe.build_optimizer())
        trainee.optimizer.build(trainee.ssd.trainable_variables)
        return trainee

    def _is_over(self, batches, clock):
        """Tells whether the run has come to its end, and that is measured."""
        in_time = clock is not None and clock.progress == 1
        last_epoch = (batches - 1) // self._batches_per_epoch
        return (
            batches >= self.recipe.steps * self.recipe.accumulate
            or (in_time and self.folder.last_epoch() == last_epoch)
            or any(callback.is_over() for callback in self._early_stop())
        )

    def _fit_epochs(self, trainee, batches, callbacks):
        """Calls Keras's `fit` once: to the end of an epoch begun before, or of the run."""
        per_epoch = self._batches_per_epoch
        epoch, done = divmod(batches, per_epoch)
        left = self.recipe.steps * self.recipe.accumulate - batches
        whole_epochs = left // per_epoch if done == 0 else 0
        if this_process().index == 0:
            self.folder.drop_epochs_from(epoch)
        check_loss = StopOnNonFiniteLoss(self._batch_ids, self.recipe.accumulate)
        waiting = WaitingTime()
        speed = MeasureSpeed(self.recipe.batch_size, waiting)
        trainee.fit(
            waiting.measured(self._batches(batches)),
            initial_epoch=epoch,
            epochs=epoch + max(whole_epochs, 1),
            steps_per_epoch=per_epoch if whole_epochs else min(per_epoch - done, left),
            callbacks=[check_loss, speed, self._notes_first_step(), *callbacks],
            verbose=self._verbosity(),
        )

    def _notes_first_step(self):
        def note(batch, logs):
            self.has_trained = True

        return keras.callbacks.LambdaCallback(on_train_batch_begin=note)

    def _verbosity(self):
        if this_process().index > 0:
            return 0
        return 1 if sys.stdout.isatty() else 2

    def _finish_epoch(self, trainee, batches, callbacks):
        """Measures and logs the epoch that ends at this batch, if it is not yet measured."""
        unfinished = self.folder.unfinished_epoch(batches)
        if unfinished is None:
            return
        epoch, logs = unfinished
        if this_process().index == 0:
            self.folder.drop_epochs_from(epoch)
        (runs_all,) = with_detector(callbacks, trainee)
        runs_all.on_train_begin()
        runs_all.on_epoch_end(epoch, logs)
        runs_all.on_train_end(logs)

    def _batches(self, start_batch):
        return training_dataset(
            self.data,
            self.detector,
            batch_size=self.recipe.batch_size,
            augmentation=self.augmentation,
            seed=self.seed,
            start_batch=start_batch,
            skipped=self.skipped,
            cache=self.cache,
            share=dataclasses.astuple(this_process()),
            matching_iou=self.recipe.matching_iou,
        )

    def _batch_ids(self, batch):
        return batch_ids(self.data, batch, batch_size=self.recipe.batch_size, seed=self.seed)

    def _measure(self):
        return MeanAveragePrecision(
            self.validation, batch_size=self.recipe.batch_size, skipped=self.skipped
        )

    def _only_first(self, callbacks):
        """Returns the callbacks in the first process, which writes for all of them."""
        return callbacks if this_process().index == 0 else []

    def _early_stop(self):
        return [] if self.early_stop is None else [StopEarly(self.folder, self.early_stop)]

    def _clock(self, trainee):
        if self.time_limit is None:
            return None
        batches = self.recipe.steps * self.recipe.accumulate
        return Clock(trainee.optimizer, batches, self.time_limit, self.began)

    def _end_in_time(self, clock, trainee):
        def seconds_to_finish():
            """Returns how long an evaluation and the saving of three files take, about."""
            began = time.monotonic()
            save_state(self.folder.state, trainee.ssd)
            seconds = 3 * (time.monotonic() - began)
            if self.validation is not None:
                seconds += seconds_to_evaluate(
                    trainee,
                    self.validation,
                    batch_size=self.recipe.batch_size,
                    skipped=self.skipped,
                )
            return seconds

        return EndInTime(clock, self._batches_per_epoch, self.recipe.accumulate, seconds_to_finish)

    def _tensorboard(self):
        if importlib.util.find_spec("tensorboard") is None:
            return []
        return [keras.callbacks.TensorBoard(self.folder.tensorboard, write_graph=False)]

    def _check_that_something_was_learnt(self):
        skipped = self.skipped or set()
        with_objects = [sample.id for sample in self.data if len(sample.labels)]
        if skipped.issuperset(with_objects):
            raise ValueError(
                f"data: none of the {counted(len(with_objects), 'image')} with objects can be "
                "read, so the detector has learnt nothing"
            )
