"""One training run: a folder that holds its settings, log, checkpoints and detectors."""

import csv
import importlib.util
import json
import logging
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import keras

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.augmentation import PaperAugmentation
from keras_ssd.data.pipeline import batch_ids, training_dataset, unwrapped_errors
from keras_ssd.data.sample import Sample
from keras_ssd.detector import Detector, open_detector
from keras_ssd.files import write_text
from keras_ssd.losses import HardNegativeCrossentropy, SmoothL1
from keras_ssd.models.precision import dtype_of
from keras_ssd.training.callbacks import (
    SaveTrainingState,
    ScoreAndSaveDetector,
    StopOnNonFiniteLoss,
)
from keras_ssd.training.curve import plot_learning_curve
from keras_ssd.training.recipes import Recipe

logger = logging.getLogger("keras_ssd")


def train(
    model: keras.Model,
    samples: Sequence[Sample],
    *,
    class_names: Sequence[str],
    output: str | Path,
    recipe: Recipe,
    validation_samples: Sequence[Sample] = (),
    augmentation: Callable = PaperAugmentation(),  # noqa: B008 - it is frozen
    steps_per_epoch: int | None = None,
    seed: int = 0,
    skip_corrupt_images: bool = False,
    resume: bool = False,
) -> keras.Model:
    """Trains an SSD and returns its detector; everything on the way is kept in `output`.

    The folder holds `run.json` (settings), `log.csv`, `curve.png` and `tensorboard/`, after each
    epoch `last.keras` and the best so far `best.keras` (detectors, ready for `load_detector`),
    and `state.weights.h5`, from which an interrupted run resumes: weights, optimizer, step. A
    batch depends only on the seed and its number, so that a resumed run goes on exactly.
    Ctrl-C saves the state before it ends the run.

    Args:
        model: an SSD, as `SSD300` returns it.
        samples: to train on.
        class_names: K names of the samples' labels.
        output: folder of the run.
        recipe: see `Recipe`; `keras_ssd.training.RECIPES` has some.
        validation_samples: to measure mAP (VOC 11-point) on after each epoch.
        augmentation: see `training_dataset`.
        steps_per_epoch: between two evaluations; None: one pass over the samples.
        seed: of order and augmentation; the model's random weights are the caller's.
        skip_corrupt_images: train on without images that cannot be read, naming each; else the
            first one ends the run.
        resume: go on with the run in `output`, which must have had the same settings.

    Returns:
        The detector with its last weights, averaged ones if the recipe averages.

    Raises:
        ValueError: `output` holds a run already and `resume` is False, or it is True and there is
            none or one of other settings; class names do not fit the model or the samples; there
            are no samples.
        NonFiniteLossError: the loss became infinite or not a number.
        CorruptImageError: an image cannot be read.
    """
    output = Path(output)
    if not samples:
        raise ValueError("samples: there are none; expected at least one annotated image")
    data = AnnotatedImages(samples, tuple(class_names))
    steps_per_epoch = steps_per_epoch or -(-len(samples) // recipe.batch_size)
    detector = Detector(model, class_names)
    _open_run(
        output,
        {
            "model": model.name,
            "class_names": list(class_names),
            "trainable_weights": len(model.trainable_weights),
            "dtype": dtype_of(model),
            "samples": _fingerprint(samples),
            "validation_samples": _fingerprint(validation_samples),
            "recipe": {**asdict(recipe), "drops": list(recipe.drops)},
            "augmentation": getattr(augmentation, "__qualname__", str(augmentation)),
            "steps_per_epoch": steps_per_epoch,
            "seed": seed,
        },
        resume,
    )
    # A model of its own around the same layers keeps the optimizer out of the saved detectors.
    trainee = keras.Model(model.input, model.output, name=model.name)
    trainee.compile(
        optimizer=recipe.build_optimizer(),
        loss={"offsets": SmoothL1(), "classes": HardNegativeCrossentropy()},
    )
    trainee.optimizer.build(trainee.trainable_variables)
    skipped = set() if skip_corrupt_images else None
    saver = SaveTrainingState(output / "state.weights.h5")
    log = keras.callbacks.CSVLogger(output / "log.csv", append=True)

    def fit(step):
        """One call of Keras's `fit`: to the end of an epoch begun before, or of the run."""
        epoch, done = divmod(step, steps_per_epoch)
        left = recipe.steps - step
        whole_epochs = left // steps_per_epoch if done == 0 else 0
        trainee.fit(
            training_dataset(
                data,
                model,
                batch_size=recipe.batch_size,
                augmentation=augmentation,
                seed=seed,
                start_batch=step,
                skipped=skipped,
            ),
            initial_epoch=epoch,
            epochs=epoch + max(whole_epochs, 1),
            steps_per_epoch=steps_per_epoch if whole_epochs else min(steps_per_epoch - done, left),
            callbacks=[
                StopOnNonFiniteLoss(
                    lambda batch: batch_ids(data, batch, batch_size=recipe.batch_size, seed=seed)
                ),
                saver,
                *([keras.callbacks.SwapEMAWeights(True)] if recipe.average_over else []),
                ScoreAndSaveDetector(
                    detector,
                    validation_samples,
                    output,
                    best=_best_map(output / "log.csv"),
                    batch_size=recipe.batch_size,
                    skipped=skipped,
                ),
                log,
                *_tensorboard(output / "tensorboard"),
                keras.callbacks.LambdaCallback(
                    on_epoch_end=lambda epoch, logs: saver.finish_epoch()
                ),
            ],
            shuffle=False,  # the data set does it
            verbose=1 if sys.stdout.isatty() else 2,
        )

    try:
        while True:
            if saver.path.exists():  # resuming, or after a fit, which leaves averages behind
                trainee.load_weights(saver.path)
            step = int(trainee.optimizer.iterations)
            if step >= recipe.steps:
                break
            with unwrapped_errors():
                fit(step)
    except KeyboardInterrupt:
        saver.save()
        logger.warning("interrupted; what %s holds can be resumed", output)
        raise
    finally:
        log.on_train_end()  # closes the file, which Keras leaves open after an exception
        if skipped:
            logger.warning("%d images could not be read and were skipped", len(skipped))
    if importlib.util.find_spec("matplotlib"):
        plot_learning_curve(output / "log.csv", output / "curve.png")
    return open_detector(output / "last.keras")


def _fingerprint(samples):
    """Tells data sets apart: their number of images and a checksum of ids and annotations."""
    checksum = 0
    for sample in samples:
        for part in (
            sample.id.encode(errors="surrogateescape"),
            sample.boxes.tobytes(),
            sample.labels.tobytes(),
        ):
            checksum = zlib.crc32(part, checksum)
    return f"{len(samples)} images, CRC {checksum:08x}"


def _open_run(output, settings, resume):
    """Makes the folder of a new run, or sees that the run in it can be resumed."""
    file = output / "run.json"
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output}: is a file; expected the folder of a run")
    if not resume:
        if file.exists():
            raise ValueError(f"{output}: holds a run already; resume it, or choose another folder")
        output.mkdir(parents=True, exist_ok=True)
        text = json.dumps(settings, indent=1) + "\n"
        write_text(file, text)
        return
    if not file.exists():
        raise ValueError(f"{output}: holds no run to resume")
    before = json.loads(file.read_text("utf-8"))
    changed = [name for name in settings if settings[name] != before.get(name)]
    if changed:
        changes = "; ".join(f"{name} {before.get(name)} -> {settings[name]}" for name in changed)
        raise ValueError(f"{output}: the run to resume has other settings: {changes}")


def _best_map(log):
    """The highest validation mAP in a log, or -1."""
    if not log.exists():
        return -1.0
    with log.open() as file:
        scores = [row["val_map"] for row in csv.DictReader(file) if row.get("val_map")]
    return max(map(float, scores), default=-1.0)


def _tensorboard(folder):
    if importlib.util.find_spec("tensorboard") is None:
        return []
    return [keras.callbacks.TensorBoard(folder, write_graph=False)]
