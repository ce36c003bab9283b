"""The report of a run, which is written anew after each epoch."""

import importlib.util
import logging
from typing import Any

import keras

from keras_ssd.callbacks import MeanAveragePrecision
from keras_ssd.report.evaluation_part import EvaluationPart, evaluation_part
from keras_ssd.report.page import write_page
from keras_ssd.report.run_part import run_part
from keras_ssd.training.callbacks import batches_of
from keras_ssd.training.class_log import add_to_class_log, read_class_log
from keras_ssd.training.folder import RunFolder
from keras_ssd.training.tensorboard import write_to_tensorboard

logger = logging.getLogger("keras_ssd")


class WriteReport(keras.callbacks.Callback):
    """Writes `report.html` after each epoch, so that an interrupted run has one as well.

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

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes all that belongs to the report."""
        try:
            self._write(epoch)
        except Exception as error:
            logger.warning("the report of the run was not written: %s", error)

    def _write(self, epoch):
        part = self._evaluation(epoch)
        if importlib.util.find_spec("jinja2") is None:
            return
        settings = self.folder.settings()
        write_page(
            self.folder.report,
            title=f"Training of {settings['model']}",
            evaluation=part,
            measured=self._measured(epoch, part),
            run=run_part(
                self._state(epoch, settings),
                self.folder.rows(),
                read_class_log(self.folder.class_log),
                settings,
            ),
            facts=[
                ("folder", str(self.folder.path)),
                ("data", settings["data"]),
                ("validation data", settings["validation"]),
            ],
        )

    def _evaluation(self, epoch) -> EvaluationPart | None:
        if self.measuring is None or self.measuring.result is None:
            return None
        result, data = self.measuring.result, self.measuring.data
        precisions = {entry.name: entry.ap_11_point for entry in result.voc.classes}
        add_to_class_log(self.folder.class_log, epoch, precisions)
        part = evaluation_part(result, data, skipped=self.measuring.skipped or ())
        write_to_tensorboard(self.folder.tensorboard, part, epoch)
        return part

    def _state(self, epoch, settings):
        steps = batches_of(self.model) // self.accumulate
        return f"{steps} of {settings['recipe']['steps']} steps are done, after epoch {epoch + 1}."

    def _measured(self, epoch, part):
        if part is None:
            return ""
        scores = {
            int(row["epoch"]) + 1: float(row["val_map"])
            for row in self.folder.rows()
            if row.get("val_map")
        }
        text = f"The evaluation is that of epoch {epoch + 1} on the validation images."
        best = max(scores, key=lambda number: scores[number], default=epoch + 1)
        if best != epoch + 1:
            text += f" The best so far is epoch {best} with mAP {scores[best]:.3f}, in best.keras."
        return text
