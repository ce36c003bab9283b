"""`train` trains a detector on annotated images by a recipe, and keeps the run in a folder."""

import dataclasses
import importlib.util
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import keras

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.tf_augmentation import TFPaperAugmentation
from keras_ssd.detector import Detector
from keras_ssd.files import remove_unfinished
from keras_ssd.models.ssd import SSD
from keras_ssd.training.batch_size import fitted_to_memory
from keras_ssd.training.curve import plot_learning_curve
from keras_ssd.training.devices import this_process
from keras_ssd.training.folder import RunFolder
from keras_ssd.training.lock import only_run_in
from keras_ssd.training.recipes import Recipe
from keras_ssd.training.run import Run

logger = logging.getLogger("keras_ssd")


def train(
    model: SSD | Detector,
    data: AnnotatedImages,
    *,
    output: str | Path,
    recipe: Recipe = Recipe(),  # noqa: B008 - it is frozen
    batch_size: Literal["auto"] | None = None,
    validation: AnnotatedImages | None = None,
    optimizer: keras.optimizers.Optimizer | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    augmentation: Callable | TFPaperAugmentation = TFPaperAugmentation(),  # noqa: B008 - frozen
    steps_per_epoch: int | None = None,
    seed: int = 0,
    skip_corrupt_images: bool = False,
    time_limit: float | None = None,
    early_stop: int | None = None,
    cache: str | Path | None = None,
    resume: bool = False,
) -> Detector:
    """Trains a detector, and keeps the logs and states of the run in the folder `output`.

    The folder holds `run.json` (settings), `log.csv`, `classes.csv` (AP of each class),
    `curve.png`, `report.html` (docs/evaluate.md explains it) and `tensorboard/`. After each epoch
    it gets `last.keras`, and `best.keras` if the epoch's validation mAP is the highest so far;
    `load_detector` loads both. An interrupted run resumes from `state.weights.h5`, which has
    the weights, the optimizer and the step. A batch depends only on the seed and on its number, so
    a resumed run ends with the same weights as an uninterrupted one. Ctrl-C and `kill` finish the
    present step and save the state.

    Args:
        model: the Detector, or the SSD for the data's classes, which is trained in place.
        data: the annotated images to train on.
        output: the folder of the run.
        recipe: the rules of the training; `keras_ssd.training.RECIPES` has some recipes.
        batch_size: "auto" fits the recipe's batch size to the free memory, and accumulates so that
            a step has as many images; the log says what it took, and a resumed run takes the same.
            None takes the recipe's.
        validation: the annotated images to measure mAP (VOC 11-point) on after each epoch.
        optimizer: a new optimizer in place of the recipe's. The recipe still decides the batch
            size and the number of steps. An optimizer with `use_ema=True` averages the weights.
        callbacks: Keras callbacks. Their model is a detector. At the end of an epoch it has the
            averaged weights, and the logs have "val_map". They start afresh if a run is resumed.
        augmentation: the function that changes the images at random, as in
            `keras_ssd.data.training_dataset`.
        steps_per_epoch: the number of steps between two evaluations; None makes an epoch of one
            pass over the images.
        seed: the number that decides the order of the images and the random numbers of the
            augmentation. (The random weights of a new model do not depend on it.)
        skip_corrupt_images: whether to train without the images that cannot be read; the log names
            each of them. If False, the first of them ends the run.
        time_limit: the time that the run may take in seconds, from this call to its end, in all
            calls that resume it together. The schedule of the learning rate then follows the time
            or the steps, whichever has come further, so that it is finished when the training
            ends. The training ends early enough to measure and to save: 1.25 times as long as the
            longest evaluation so far took, and a hundredth of the limit, are kept for that.
        early_stop: the number of evaluations without a better mAP after which the run ends.
        cache: "memory" or the path of a folder, to keep decoded images as in
            `keras_ssd.data.training_dataset`.
        resume: whether to continue the run in `output`, which must have had the same settings.

    Returns:
        The trained detector with its last weights, which are averages if the recipe averages.

    Raises:
        ValueError: `resume` is False and `output` has a run already, or `resume` is True and
            `output` has no run or a run with other settings; the model is not a Detector or an
            SSD, or has other classes than the data; there are no images or no objects to train on
            or to measure mAP on; the optimizer was used before; the time limit is too short to
            train at all.
        FolderInUseError: another run is training in `output`.
        OSError: a file cannot be written. If the disk is full, the message says so; the files that
            were saved before stay.
        NonFiniteLossError: the loss became infinite or not a number.
        CorruptImageError: an image cannot be read.

    Examples:
        >>> import keras_ssd
        >>> from keras_ssd.training import Recipe
        >>> def train_cats(folder):
        ...     data = keras_ssd.data.load(folder, "train")
        ...     val = keras_ssd.data.load(folder, "val", class_names=data.class_names)
        ...     detector = keras_ssd.Detector.from_preset("ssd_mobilenet_320_voc", data.class_names)
        ...     recipe = Recipe(steps=500, learning_rate=2e-4)
        ...     return keras_ssd.training.train(
        ...         detector, data, output="runs/cats", recipe=recipe, validation=val
        ...     )
    """
    began = time.monotonic()
    detector = Detector(model, data.class_names) if isinstance(model, SSD) else model
    if not isinstance(getattr(detector, "ssd", None), SSD):
        raise ValueError(f"model: expected an SSD or a Detector of Keras, not {model!r}")
    if batch_size not in ("auto", None):
        raise ValueError(f'batch_size: expected "auto" or None, not {batch_size!r}')
    folder = RunFolder(output)
    if this_process().index == 0:
        folder.check(resume=resume)
    if batch_size == "auto":
        if optimizer is not None:
            raise ValueError('batch_size="auto": the optimizer must be the recipe\'s')
        if this_process().count > 1:
            raise ValueError('batch_size="auto": a run of several processes needs a number')
        recipe = _fitted(recipe, detector.ssd, folder.settings() if resume else None)
    skipped: set[str] | None = set() if skip_corrupt_images else None
    run = Run(
        detector=detector,
        data=data,
        folder=folder,
        recipe=recipe,
        validation=validation,
        optimizer=optimizer,
        callbacks=callbacks,
        augmentation=augmentation,
        steps_per_epoch=steps_per_epoch or -(-len(data) // recipe.images_per_step),
        seed=seed,
        skipped=skipped,
        time_limit=time_limit,
        early_stop=early_stop,
        cache=cache,
        began=began,
    )
    run.check()
    with _prepared(run, resume=resume):
        try:
            run.fit()
        finally:
            if skipped:
                logger.warning("%d images could not be read and were skipped", len(skipped))
        detector.load_weights(run.folder.last)
    return detector


@contextmanager
def _prepared(run, *, resume):
    """Keeps the run's folder for this run; of several processes, only the first one writes."""
    if this_process().index > 0:
        yield
        return
    with only_run_in(run.folder.path):
        remove_unfinished(run.folder.path)
        run.folder.open(run.settings(), resume=resume)
        try:
            yield
        except Exception:
            if not resume and not run.has_trained:
                run.folder.clear()  # so that the corrected command can start there
            raise
        if importlib.util.find_spec("matplotlib"):
            plot_learning_curve(run.folder.log, run.folder.curve)


def _fitted(recipe, ssd, settings_before):
    """Returns the recipe with batches that fit the memory, or with those that a run began with."""
    if settings_before is None:
        return fitted_to_memory(recipe, ssd)
    before = settings_before["recipe"]
    kept = {name: before[name] for name in ("batch_size", "accumulate") if name in before}
    return dataclasses.replace(recipe, **kept)
