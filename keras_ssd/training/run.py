"""Runs a training from the state in its folder to its last step."""

import dataclasses
import importlib.util
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras

from keras_ssd.callbacks import MeanAveragePrecision
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.pipeline import batch_ids, evaluation_dataset, training_dataset
from keras_ssd.detector import Detector
from keras_ssd.detector.callbacks import with_detector
from keras_ssd.evaluation.mean_ap import check_measurable
from keras_ssd.files import replace_file
from keras_ssd.models.ssd import SSD
from keras_ssd.terminal import counted
from keras_ssd.training.callbacks import (
    FinishEpoch,
    SaveDetectors,
    SaveTrainingState,
    StopOnNonFiniteLoss,
    UseAverages,
    steps_of,
)
from keras_ssd.training.folder import RunFolder
from keras_ssd.training.recipes import Recipe
from keras_ssd.training.settings import run_settings

logger = logging.getLogger("keras_ssd")


@dataclasses.dataclass
class Run:
    """Holds what one training run needs; `train` explains the attributes."""

    detector: Detector
    data: AnnotatedImages
    folder: RunFolder
    recipe: Recipe
    validation: AnnotatedImages | None
    optimizer: keras.optimizers.Optimizer | None
    callbacks: Sequence[keras.callbacks.Callback]
    augmentation: Callable
    steps_per_epoch: int
    seed: int
    skipped: set[str] | None

    def check(self) -> None:
        """Raises ValueError where the arguments do not fit, before anything is written."""
        self._batches(0)  # checks data and classes
        if not self.data.num_objects:
            images = counted(len(self.data), "image")
            raise ValueError(f"data: none of the {images} has an object to learn")
        if self.validation is not None:
            check_measurable(self.validation, self.detector)
            evaluation_dataset(self.validation, self.detector.image_size, skipped=self.skipped)
        if self.optimizer is not None and self.optimizer.built:
            raise ValueError("optimizer: it has trained a model before; expected a new one")

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
        )

    def fit(self) -> None:
        """Trains from the state in the folder, or from the start, to the last step."""
        trainee = self._trainee()
        log = keras.callbacks.CSVLogger(self.folder.log, append=True)
        with SaveTrainingState(self.folder) as saver:
            after_each_epoch = [
                UseAverages(),
                *([] if self.validation is None else [self._measure()]),
                SaveDetectors(self.detector, self.folder),
                *self.callbacks,
                log,
                *self._tensorboard(),
                FinishEpoch(self.folder),
            ]
            try:
                if not self.folder.state.exists():  # the weights may be random
                    replace_file(self.folder.state, trainee.ssd.save_weights)
                trainee.stop_training = False
                while not trainee.stop_training:
                    # Keras's `fit` leaves averages in place of the weights when it returns.
                    trainee.ssd.load_weights(self.folder.state)
                    step = steps_of(trainee)
                    self._finish_epoch(trainee, step, after_each_epoch)
                    if step >= self.recipe.steps or trainee.stop_training:
                        break
                    self._fit_epochs(trainee, step, [saver, *after_each_epoch])
            except KeyboardInterrupt:
                logger.warning("interrupted; the run in %s can be resumed", self.folder.path)
                raise
            finally:
                log.on_train_end()  # closes the file, which Keras leaves open after an exception
        self._check_that_something_was_learnt()

    def _trainee(self):
        """Builds a detector around the same layers, so that saved detectors have no optimizer."""
        ssd = self.detector.ssd
        ssd = SSD(ssd.input, ssd.output, ssd.config, name=ssd.name)
        trainee = Detector(ssd, self.detector.class_names, **self.detector.thresholds)
        trainee.compile(self.optimizer or self.recipe.build_optimizer())
        trainee.optimizer.build(trainee.ssd.trainable_variables)
        return trainee

    def _fit_epochs(self, trainee, step, callbacks):
        """Calls Keras's `fit` once: to the end of an epoch begun before, or of the run."""
        epoch, done = divmod(step, self.steps_per_epoch)
        left = self.recipe.steps - step
        whole_epochs = left // self.steps_per_epoch if done == 0 else 0
        self.folder.drop_epochs_from(epoch)
        trainee.fit(
            self._batches(step),
            initial_epoch=epoch,
            epochs=epoch + max(whole_epochs, 1),
            steps_per_epoch=(
                self.steps_per_epoch if whole_epochs else min(self.steps_per_epoch - done, left)
            ),
            callbacks=[StopOnNonFiniteLoss(self._batch_ids), *callbacks],
            verbose=1 if sys.stdout.isatty() else 2,
        )

    def _finish_epoch(self, trainee, step, callbacks):
        """Measures and logs the epoch that ends at this step, if it is not yet measured."""
        unfinished = self.folder.unfinished_epoch(step)
        if unfinished is None:
            return
        epoch, logs = unfinished
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
        )

    def _batch_ids(self, batch):
        return batch_ids(self.data, batch, batch_size=self.recipe.batch_size, seed=self.seed)

    def _measure(self):
        return MeanAveragePrecision(
            self.validation, batch_size=self.recipe.batch_size, skipped=self.skipped
        )

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
