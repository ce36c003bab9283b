"""Keeps the files and the settings of a training run in its folder."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

from keras_ssd.files import checked_folder, write_text


class RunFolder:
    """The files of a run.

    Attributes:
        path: the folder.
        log: a row of figures for each epoch (CSV).
        curve: the learning curve (PNG).
        state: the weights and the optimizer, from which the run resumes.
        last: the detector after the last epoch.
        best: the detector after the epoch with the highest validation mAP.
        tensorboard: the folder of TensorBoard's files.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.log = self.path / "log.csv"
        self.curve = self.path / "curve.png"
        self.state = self.path / "state.weights.h5"
        self.last = self.path / "last.keras"
        self.best = self.path / "best.keras"
        self.tensorboard = self.path / "tensorboard"
        self._settings = self.path / "run.json"
        self._unfinished_epoch = self.path / "unfinished_epoch.json"

    def open(self, settings: dict[str, Any], *, resume: bool) -> None:
        """Makes the folder of a new run, or checks that the run in it can be resumed.

        Args:
            settings: the run's settings by name; JSON can hold their values.
            resume: whether to continue the run in the folder.

        Raises:
            ValueError: `resume` is False and the folder has a run; or `resume` is True and the
                folder has no run, or a run with other settings.
        """
        settings = json.loads(json.dumps(settings))  # tuples become lists, as in the file
        self.check(resume=resume)
        if not resume:
            write_text(self._settings, json.dumps(settings, indent=1) + "\n")
            return
        before = _read_json(self._settings)
        changed = [name for name in settings if settings[name] != before.get(name)]
        if changed:
            changes = "; ".join(f"{key} {before.get(key)} -> {settings[key]}" for key in changed)
            raise ValueError(f"{self.path}: the run to resume has other settings: {changes}")

    def check(self, *, resume: bool) -> None:
        """Checks that the folder has a run to resume, or can take a new one.

        Raises:
            ValueError: the path does not name a folder that can be written to; or `resume` is False
                and the folder has a run; or `resume` is True and it has no run.
        """
        checked_folder(self.path)
        if not resume and self._settings.exists():
            raise ValueError(f"{self.path}: has a run already; resume it, or choose another folder")
        if resume and not self._settings.exists():
            raise ValueError(f"{self.path}: has no run to resume")

    def best_map(self) -> float:
        """Returns the highest validation mAP in the log, or -1 if it has none."""
        scores = [float(row["val_map"]) for row in self._rows() if row.get("val_map")]
        return max((score for score in scores if not math.isnan(score)), default=-1.0)

    def drop_epochs_from(self, epoch: int) -> None:
        """Removes the rows of epochs that will be trained again from the log."""
        rows = self._rows()
        kept = [row for row in rows if int(row["epoch"]) < epoch]
        if len(kept) < len(rows):
            text = io.StringIO()
            writer = csv.DictWriter(text, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(kept)
            write_text(self.log, text.getvalue())

    def write_unfinished_epoch(self, step: int, epoch: int, logs: dict[str, float]) -> None:
        """Notes an epoch that is trained, but not yet measured and logged.

        Args:
            step: the number of steps up to the end of the epoch.
            epoch: the number of the epoch, from 0.
            logs: Keras's logs of the epoch.
        """
        values = {name: float(value) for name, value in logs.items()}
        text = json.dumps({"step": step, "epoch": epoch, "logs": values})
        write_text(self._unfinished_epoch, text)

    def unfinished_epoch(self, step: int) -> tuple[int, dict[str, float]] | None:
        """Returns (epoch, logs) of the epoch that ended at this step, or None if it is measured."""
        if not self._unfinished_epoch.exists():
            return None
        note = _read_json(self._unfinished_epoch)
        return (note["epoch"], note["logs"]) if note["step"] == step else None

    def remove_unfinished_epoch(self) -> None:
        """Notes that every trained epoch is measured and logged."""
        self._unfinished_epoch.unlink(missing_ok=True)

    def _rows(self):
        if not self.log.exists():
            return []
        with self.log.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [row for row in rows if None not in row.values()]  # a kill may cut the last one


def _read_json(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is damaged; expected JSON ({error})") from error
