"""The report of a run, which is written anew after each epoch."""

import importlib.util
import logging
from contextlib import contextmanager
from math import isnan
from typing import Any

import keras

from keras_ssd.callbacks import MeanAveragePrecision
from keras_ssd.report.evaluation_part import EvaluationPart, evaluation_part
from keras_ssd.report.page import write_page
from keras_ssd.report.run_part import run_part
from keras_ssd.terminal import counted
from keras_ssd.training.callbacks import batches_of
from keras_ssd.training.class_log import add_to_class_log, read_class_log
from keras_ssd.training.folder import RunFolder
from keras_ssd.training.tensorboard import TensorBoardLog

logger = logging.getLogger("keras_ssd")


class WriteReport(keras.callbacks.Callback):
    """Writes `report.html` after each epoch, and once more if the run is interrupted.

    It also writes the AP of each class to `classes.csv`, and TensorBoard's figures and pictures. It
    comes after the callback that writes the log. Trouble is only logged: no run ends because of its
    report. Without Jinja2 there is no page.

    Args:
        folder: the run's folder.
        measuring: the callback that measures mAP, or None.
        accumulate: the number of batches in a step.
    """

    def __init__(
        self, folder: RunFolder, measuring: MeanAveragePrecision | None, accumulate: int = 1
    ):
        super().__init__()
        self.folder = folder
        self.measuring = measuring
        self.accumulate = accumulate
        self._tensorboard = TensorBoardLog(folder.tensorboard)
        self._evaluation: EvaluationPart | None = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes all that belongs to the report."""
        with _only_logged():
            self._evaluate(epoch)
            epochs = counted(epoch + 1, "epoch")
            end = " The run ends here." if self.model.stop_training else ""
            self._write_page(f"{{}} are done, after {epochs}.{end}")

    def interrupted(self) -> None:
        """Writes the page of a run that stops now.

        An earlier page stays if it has an evaluation and this process has made none yet.
        """
        has_none = self.measuring is not None and self._evaluation is None
        if self.model is None or (has_none and self.folder.report.exists()):
            return
        with _only_logged():
            self._write_page("The run was interrupted: {} are done.")

    def _evaluate(self, epoch):
        if self.measuring is None or self.measuring.result is None:
            return
        result, data = self.measuring.result, self.measuring.data
        precisions = {entry.name: entry.ap_11_point for entry in result.voc.classes}
        add_to_class_log(self.folder.class_log, epoch, precisions)
        part = evaluation_part(result, data, skipped=self.measuring.skipped or ())
        self._tensorboard.write(part, epoch)
        self._evaluation = part

    def _write_page(self, state):
        """Writes the page. The state is a sentence with {} for the number of steps."""
        if importlib.util.find_spec("jinja2") is None:
            return
        settings, rows = self.folder.settings(), self.folder.rows()
        done, steps = batches_of(self.model) // self.accumulate, settings["recipe"]["steps"]
        state = state.format(f"{done} of {counted(steps, 'step')}")
        write_page(
            self.folder.report,
            title=f"Training of {settings['model']}",
            evaluation=self._evaluation,
            measured=_measured(rows) if self._evaluation else "",
            run=run_part(state, rows, read_class_log(self.folder.class_log), settings),
            facts=[
                ("folder", str(self.folder.path)),
                ("data", settings["data"]),
                ("validation data", settings["validation"]),
            ],
        )


@contextmanager
def _only_logged():
    try:
        yield
    except Exception as error:
        logger.warning("the report of the run was not written: %s", error)


def _measured(rows):
    """Returns what the evaluation on the page is of, and which one is the best."""
    scores = {int(row["epoch"]) + 1: float(row["val_map"]) for row in rows if row.get("val_map")}
    scores = {number: -1.0 if isnan(score) else score for number, score in scores.items()}
    last = max(scores)
    text = f"The evaluation is that of epoch {last} on the validation images."
    best = max(scores, key=lambda number: scores[number])
    if scores[best] > scores[last]:
        text += f" The best so far is epoch {best} with mAP {scores[best]:.3f}, in best.keras."
    return text
