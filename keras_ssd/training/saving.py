"""The callbacks of a run that save its state, to resume from, and its detectors."""

import errno
import math
import os
import shutil
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras

from keras_ssd.detector import Detector
from keras_ssd.files import replace_file
from keras_ssd.models.ssd import SSD
from keras_ssd.training.callbacks import batches_of
from keras_ssd.training.devices import on_this_process_only, this_process
from keras_ssd.training.folder import RunFolder


def save_state(path: Path, ssd: SSD) -> None:
    """Writes the weights of an SSD and its optimizer, if the disk has room for them.

    Raises:
        OSError: the disk is full. An earlier file stays.
    """
    variables = [*ssd.variables, *ssd.optimizer.variables]
    size = sum(4 * math.prod(variable.shape) for variable in variables)
    path.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(path.parent).free < size:  # HDF5 needs even a little more
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def write(unfinished: Path) -> None:
        try:
            ssd.save_weights(unfinished)
        except OSError:
            # The disk has become full meanwhile, and HDF5 still has the file open. If it cannot
            # close it, it prints pages, and may crash Python at its end. This gives it some room.
            with suppress(OSError):
                os.truncate(unfinished, 0)
            raise

    with on_this_process_only():
        replace_file(path, write)


def save_detector(path: Path, detector: Detector) -> None:
    """Writes a detector as a .keras file.

    Raises:
        OSError: the disk is full. An earlier file stays.
    """
    with on_this_process_only():
        replace_file(path, detector.save)


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
        if this_process().index == 0:
            self.folder.write_unfinished_epoch(batches_of(self.model), epoch, logs or {})
        self._save()
        self._steps_are_running = False
        self._stop_if_asked()

    def _save(self):
        if this_process().index == 0:
            save_state(self.folder.state, self.model.ssd)
        self._saved_at = time.monotonic()

    def _stop_if_asked(self):
        if self._shall_stop:
            raise KeyboardInterrupt


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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Saves the last detector, and the best if this is the best so far."""
        save_detector(self.folder.last, self.detector)
        score = (logs or {}).get("val_map", math.nan)
        if score > self.folder.best_map():  # which nan never is; the log has no row of it yet
            save_detector(self.folder.best, self.detector)


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
