"""The callbacks of a run, which check the loss, save the state and average the weights."""

import math
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from keras_ssd.detector import Detector
from keras_ssd.files import replace_file
from keras_ssd.training.folder import RunFolder


def steps_of(model: keras.Model) -> int:
    """Returns the number of steps that a model's optimizer has done."""
    return int(keras.ops.convert_to_numpy(model.optimizer.iterations))


class NonFiniteLossError(ValueError):
    """The loss became infinite or not a number; the message names the step and its images."""


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """Raises NonFiniteLossError after a step with a loss that is not finite.

    Args:
        ids_of_batch: a function from a step's number to the ids of its images.
    """

    def __init__(self, ids_of_batch: Callable[[int], list[str]]):
        super().__init__()
        self.ids_of_batch = ids_of_batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Checks the mean loss of the epoch, which includes the loss of the last step."""
        if not math.isfinite(logs["loss"]):
            step = steps_of(self.model) - 1
            raise NonFiniteLossError(
                f"the loss is {logs['loss']} at step {step} (counted from 0); images of that "
                f"batch: {', '.join(self.ids_of_batch(step))}. A lower learning rate or a longer "
                "warm-up may help; the last checkpoint is from before this step."
            )


class SaveTrainingState(keras.callbacks.Callback):
    """Saves weights and optimizer every few minutes and after each epoch; a run resumes from them.

    As a context it also stops the run on Ctrl-C or `kill`: it finishes the present step, saves the
    state and raises KeyboardInterrupt. So it never saves the state within a step. A second Ctrl-C
    stops at once, without saving. At the end of an epoch it also saves the logs, so that a run that
    is stopped while it measures mAP need not train the epoch again.

    Args:
        folder: the run's folder.
        minutes: the time between two saves within an epoch.
    """

    def __init__(self, folder: RunFolder, minutes: float = 5.0):
        super().__init__()
        self.folder = folder
        self.minutes = minutes
        self._handlers: dict[int, Any] = {}
        self._steps_are_running = False
        self._shall_stop = False
        self._saved_at = time.monotonic()

    def __enter__(self) -> "SaveTrainingState":
        if threading.current_thread() is threading.main_thread():  # others get no signals
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)  # Windows has no SIGHUP
                if number and signal.getsignal(number) is signal.default_int_handler:
                    self._handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *exception: Any) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def _on_signal(self, number, frame):
        if not self._steps_are_running or self._shall_stop:
            raise KeyboardInterrupt
        self._shall_stop = True

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Makes a signal wait for the end of the step from here on."""
        self._steps_are_running = True

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Saves the state if it is time to, or if the run is asked to stop."""
        if self.params.get("steps") == batch + 1:
            return  # `on_epoch_end` saves it, with the logs
        if self._shall_stop or time.monotonic() - self._saved_at > 60 * self.minutes:
            self._save()
        self._stop_if_asked()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves the state and the logs of an epoch that is trained but not yet measured."""
        step = steps_of(self.model)
        self.folder.write_unfinished_epoch(step, epoch, logs or {})
        self._save()
        self._steps_are_running = False
        self._stop_if_asked()

    def _save(self):
        replace_file(self.folder.state, self.model.ssd.save_weights)
        self._saved_at = time.monotonic()

    def _stop_if_asked(self):
        if self._shall_stop:
            raise KeyboardInterrupt


class UseAverages(keras.callbacks.Callback):
    """Replaces the weights by the optimizer's running averages of them between two epochs.

    The callbacks after it measure and save the averages. The next epoch continues with exactly the
    weights of before. (Keras's `SwapEMAWeights` swaps by adding and subtracting, which rounds.)
    The weights stay as they are if the optimizer has no averages.
    """

    def __init__(self) -> None:
        super().__init__()
        self._trained: list = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Sets the weights aside and replaces them by the averages."""
        weights = self.model.ssd.trainable_variables
        self._trained = [keras.ops.copy(weight) for weight in weights]
        self.model.optimizer.finalize_variable_values(weights)
        for weight in weights:  # on JAX it now shares its buffer with the average
            weight.assign(keras.ops.copy(weight))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restores the weights."""
        if self._trained:
            weights = self.model.ssd.trainable_variables
            for weight, trained in zip(weights, self._trained, strict=True):
                weight.assign(trained)
            self._trained = []


class SaveDetectors(keras.callbacks.Callback):
    """Saves the detector after each epoch, and also the one with the highest "val_map".

    Args:
        detector: the detector to save; it shares its weights with the model in training.
        folder: the run's folder.
    """

    def __init__(self, detector: Detector, folder: RunFolder):
        super().__init__()
        self.detector = detector
        self.folder = folder
        self.best = folder.best_map()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves the last detector, and the best if this is the best so far."""
        self._save(self.folder.last)
        score = (logs or {}).get("val_map", math.nan)
        if score > self.best:  # which nan never is
            self.best = score
            self._save(self.folder.best)

    def _save(self, path: Path):
        replace_file(path, self.detector.save)


class FinishEpoch(keras.callbacks.Callback):
    """Notes that an epoch is measured and logged; it must be the last of a run's callbacks.

    Args:
        folder: the run's folder.
    """

    def __init__(self, folder: RunFolder):
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Removes the note that the epoch is still to be measured."""
        self.folder.remove_unfinished_epoch()
