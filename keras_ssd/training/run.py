"""Training runs: a folder that holds settings, log, detectors, and the state to resume from."""

import dataclasses
import importlib.util
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_ssd.callbacks import MeanAveragePrecision
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.augmentation import PaperAugmentation
from keras_ssd.data.pipeline import batch_ids, evaluation_dataset, training_dataset
from keras_ssd.detector import Detector
from keras_ssd.detector.callbacks import with_detector
from keras_ssd.evaluation.mean_ap import check_measurable
from keras_ssd.files import replace_file
from keras_ssd.models.precision import dtype_of
from keras_ssd.models.ssd import SSD
from keras_ssd.training.callbacks import (
    FinishEpoch,
    SaveDetectors,
    SaveTrainingState,
    StopOnNonFiniteLoss,
    UseAverages,
    steps_of,
)
from keras_ssd.training.curve import plot_learning_curve
from keras_ssd.training.folder import RunFolder, fingerprint
from keras_ssd.training.recipes import Recipe

logger = logging.getLogger("keras_ssd")


def train(
    model: SSD | Detector,
    data: AnnotatedImages,
    *,
    output: str | Path,
    recipe: Recipe = Recipe(),  # noqa: B008 - it is frozen
    validation: AnnotatedImages | None = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    augmentation: Callable = PaperAugmentation(),  # noqa: B008 - it is frozen
    steps_per_epoch: int | None = None,
    seed: int = 0,
    skip_corrupt_images: bool = False,
    resume: bool = False,
) -> Detector:
    """Trains a detector; everything on the way is kept in the folder `output`.

    The folder holds `run.json` (settings), `log.csv`, `curve.png` and `tensorboard/`. After each
    epoch it gets `last.keras`, and `best.keras` if the epoch's validation mAP is the highest so
    far; `load_detector` loads both. An interrupted run resumes from `state.weights.h5`: weights,
    optimizer and step. A batch depends only on the seed and on its number, so a resumed run ends
    with the same weights as an uninterrupted one. Ctrl-C and `kill` finish the present step and
    save the state.

    Args:
        model: a Detector, or an SSD for the data's classes. It is trained in place.
        data: the annotated images to train on.
        output: the folder of the run.
        recipe: how to train; `keras_ssd.training.RECIPES` has some.
        validation: annotated images to measure mAP (VOC 11-point) on after each epoch.
        optimizer: a new optimizer in place of the recipe's. The recipe still decides the batch
            size and the number of steps. An optimizer with `use_ema=True` averages the weights.
        callbacks: Keras callbacks. They see a detector, at the end of an epoch with averaged
            weights and "val_map" in the logs. They begin anew where a run is resumed.
        augmentation: see `keras_ssd.data.training_dataset`.
        steps_per_epoch: the number of steps between two evaluations; None is one pass over the
            images.
        seed: decides the order of the images and the random numbers of the augmentation. (The
            random weights of a new model do not depend on it.)
        skip_corrupt_images: whether to train without the images that cannot be read, each of which
            is named. If False the first one ends the run.
        resume: whether to go on with the run in `output`, which must have had the same settings.

    Returns:
        The detector in training with its last weights: averaged ones if the recipe averages.

    Raises:
        ValueError: `output` holds a run already and `resume` is False, or it is True and there is
            none or one with other settings; the classes do not fit the model; there are no images
            or no objects to train on or to measure mAP on; the optimizer was used before.
        NonFiniteLossError: the loss became infinite or not a number.
        CorruptImageError: an image cannot be read.

    Example:

    >>> import keras_ssd
    >>> from keras_ssd.training import Recipe
    >>> def train_cats(folder):
    ...     data = keras_ssd.data.load([folder], "train")
    ...     val = keras_ssd.data.load([folder], "val", class_names=data.class_names)
    ...     detector = keras_ssd.Detector.from_preset("ssd_mobilenet_320_voc", data.class_names)
    ...     recipe = Recipe(steps=500, learning_rate=2e-4)
    ...     return keras_ssd.training.train(
    ...         detector, data, output="runs/cats", recipe=recipe, validation=val
    ...     )
    """
    detector = Detector(model, data.class_names) if isinstance(model, SSD) else model
    skipped: set[str] | None = set() if skip_corrupt_images else None
    run = _Run(
        detector=detector,
        data=data,
        folder=RunFolder(output),
        recipe=recipe,
        validation=validation,
        optimizer=optimizer,
        callbacks=callbacks,
        augmentation=augmentation,
        steps_per_epoch=steps_per_epoch or -(-len(data) // recipe.batch_size),
        seed=seed,
        skipped=skipped,
    )
    run.check()
    run.folder.open(run.settings(), resume=resume)
    try:
        run.fit()
    finally:
        if skipped:
            logger.warning("%d images could not be read and were skipped", len(skipped))
    if importlib.util.find_spec("matplotlib"):
        plot_learning_curve(run.folder.log, run.folder.curve)
    detector.load_weights(run.folder.last)
    return detector


@dataclasses.dataclass
class _Run:
    """One training run; see `train` for the attributes."""

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
            raise ValueError(f"data: none of the {len(self.data)} images has an object to learn")
        if self.validation is not None:
            check_measurable(self.validation, self.detector)
            evaluation_dataset(self.validation, self.detector.image_size, skipped=self.skipped)
        if self.optimizer is not None and self.optimizer.built:
            raise ValueError("optimizer: it has trained a model before; expected a new one")

    def settings(self) -> dict[str, Any]:
        """What decides the outcome of the run, as values that JSON can hold."""
        recipe = dataclasses.asdict(self.recipe)
        optimizer = None
        if self.optimizer is not None:
            recipe = {name: recipe[name] for name in ("batch_size", "steps")}
            optimizer = keras.saving.serialize_keras_object(self.optimizer)
        ssd = self.detector.ssd
        return {
            "model": ssd.name,
            "class_names": self.detector.class_names,
            "trainable_weights": len(ssd.trainable_weights),
            "dtype": dtype_of(ssd),
            "data": fingerprint(self.data),
            "validation": fingerprint(self.validation),
            "recipe": recipe,
            "optimizer": optimizer,
            "augmentation": getattr(self.augmentation, "__qualname__", str(self.augmentation)),
            "steps_per_epoch": self.steps_per_epoch,
            "seed": self.seed,
        }

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
                    # A call of Keras's `fit` leaves averages in place of the weights.
                    trainee.ssd.load_weights(self.folder.state)
                    step = steps_of(trainee)
                    self._finish_epoch(trainee, step, after_each_epoch)
                    if step >= self.recipe.steps:
                        break
                    self._fit_epochs(trainee, step, [saver, *after_each_epoch])
            except KeyboardInterrupt:
                logger.warning("interrupted; what %s holds can be resumed", self.folder.path)
                raise
            finally:
                log.on_train_end()  # closes the file, which Keras leaves open after an exception
        self._check_that_something_was_learnt()

    def _trainee(self):
        """A detector around the same layers, so that the saved detectors hold no optimizer."""
        ssd = self.detector.ssd
        ssd = SSD(ssd.input, ssd.output, ssd.config, name=ssd.name)
        trainee = Detector(ssd, self.detector.class_names, **self.detector.thresholds)
        trainee.compile(self.optimizer or self.recipe.build_optimizer())
        trainee.optimizer.build(trainee.ssd.trainable_variables)
        return trainee

    def _fit_epochs(self, trainee, step, callbacks):
        """One call of Keras's `fit`: to the end of an epoch begun before, or of the run."""
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
        """Measures and logs the epoch that ends at this step, if that is still to be done."""
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
                f"data: none of the {len(with_objects)} images with objects can be read, so the "
                "detector has learnt nothing"
            )
