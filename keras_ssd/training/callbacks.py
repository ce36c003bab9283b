"""What happens beside the training steps: guarding, saving, scoring."""

import math
import time
from collections.abc import Callable
from pathlib import Path

import keras

from keras_ssd.evaluation.predictions import predict_samples
from keras_ssd.evaluation.voc import evaluate_voc
from keras_ssd.files import replace_file


class NonFiniteLossError(ValueError):
    """The loss became infinite or not a number; the message names step and images."""


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """Raises NonFiniteLossError after the step whose loss is not finite.

    Args:
        ids_of_batch: from a step's number to the ids of its images.
    """

    def __init__(self, ids_of_batch: Callable[[int], list[str]]):
        super().__init__()
        self.ids_of_batch = ids_of_batch

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(logs["loss"]):
            step = int(self.model.optimizer.iterations) - 1
            raise NonFiniteLossError(
                f"the loss is {logs['loss']} at step {step} (counted from 0); images of that "
                f"batch: {', '.join(self.ids_of_batch(step))}. A lower learning rate or a longer "
                "warm-up may help; the last checkpoint is from before this step."
            )


class SaveTrainingState(keras.callbacks.Callback):
    """Saves weights and optimizer, from which a run resumes, every few minutes and each epoch.

    An epoch's last state is written before averaged weights move in, but counts only once
    `finish_epoch` is called: a run that is interrupted while it scores an epoch resumes a little
    before the epoch's end, and scores it again.

    Args:
        path: of a `.weights.h5` file, replaced as a whole.
        minutes: between two saves within an epoch.
    """

    def __init__(self, path: Path, minutes: float = 5.0):
        super().__init__()
        self.path = path
        self.minutes = minutes
        self._at_epoch_end = path.with_name(f"epoch-end-{path.name}")
        self._within_epoch = False

    def on_train_begin(self, logs=None):
        self._saved_at = time.monotonic()

    def on_train_batch_begin(self, batch, logs=None):
        self._within_epoch = True

    def on_train_batch_end(self, batch, logs=None):
        if time.monotonic() - self._saved_at > 60 * self.minutes:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        self._within_epoch = False
        replace_file(self._at_epoch_end, self.model.save_weights)

    def finish_epoch(self):
        """Makes the state at the epoch's end the one to resume from."""
        self._at_epoch_end.replace(self.path)
        self._saved_at = time.monotonic()

    def save(self):
        """Saves the state now if the model holds it: between epochs it may hold averages."""
        if self._within_epoch:
            replace_file(self.path, self.model.save_weights)
            self._saved_at = time.monotonic()


class ScoreAndSaveDetector(keras.callbacks.Callback):
    """Saves the detector after each epoch, and the best one, by mAP on the validation samples.

    Adds `val_map` (VOC 11-point) to the logs. Without validation samples only the last detector
    is saved.

    Args:
        detector: shares its weights with the model in training.
        samples: to validate on, or empty.
        folder: for `last.keras` and `best.keras`.
        best: mAP of the best detector saved so far.
        batch_size, skipped: see `predict_samples`.
    """

    def __init__(self, detector, samples, folder: Path, *, best, batch_size, skipped):
        super().__init__()
        self.detector = detector
        self.samples = samples
        self.folder = folder
        self.best = best
        self.batch_size = batch_size
        self.skipped = skipped

    def on_epoch_end(self, epoch, logs=None):
        save = self.detector.save
        replace_file(self.folder / "last.keras", save)
        if not self.samples:
            return
        detections = predict_samples(
            self.detector, self.samples, batch_size=self.batch_size, skipped=self.skipped
        )
        result = evaluate_voc(detections, self.samples, self.detector.class_names)
        logs["val_map"] = result.map_11_point
        if result.map_11_point > self.best:
            self.best = result.map_11_point
            replace_file(self.folder / "best.keras", save)
