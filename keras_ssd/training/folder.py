"""Keeps the files and the settings of a training run in its folder."""

import csv
import errno
import io
import json
import math
from pathlib import Path
from typing import Any

from keras_ssd.files import checked_folder, write_text
from keras_ssd.training.lock import check_unused


class RunFolder:
    """The files of a run.

    Attributes:
        path: the folder.
        log: a row of figures for each epoch (CSV).
        class_log: the AP of each class for each epoch (CSV).
        report: the report (HTML).
        curve: the learning curve (PNG).
        state: the weights and the optimizer, from which the run resumes.
        last: the detector after the last epoch.
        best: the detector after the epoch with the highest validation mAP.
        tensorboard: the folder of TensorBoard's files.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.log = self.path / "log.csv"
        self.class_log = self.path / "classes.csv"
        self.report = self.path / "report.html"
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
        self._check_run(resume=resume)
        if not resume:
            write_text(self._settings, json.dumps(settings, indent=1) + "\n")
            return
        if changes := "; ".join(_changes(self.settings(), settings)):
            raise ValueError(f"{self.path}: the run to resume has other settings: {changes}")

    def clear(self) -> None:
        """Removes what a run has written before its first step."""
        for path in (self._settings, self.state):
            path.unlink(missing_ok=True)

    def check(self, *, resume: bool) -> None:
        """Checks that the folder has a run to resume, or can take a new one.

        Raises:
            FolderInUseError: another run is training in the folder.
            ValueError: the path does not name a folder that can be written to; or `resume` is False
                and the folder has a run; or `resume` is True and it has no run.
        """
        checked_folder(self.path)
        check_unused(self.path)
        self._check_run(resume=resume)

    def _check_run(self, *, resume):
        if not resume and self._settings.exists():
            raise ValueError(f"{self.path}: has a run already; resume it, or choose another folder")
        if resume and not self._settings.exists():
            raise ValueError(f"{self.path}: has no run to resume")

    def settings(self) -> dict[str, Any]:
        """Returns the settings of the run in the folder.

        Raises:
            ValueError: the file with the settings is damaged.
        """
        return _read_json(self._settings)

    def best_map(self) -> float:
        """Returns the highest validation mAP in the log, or -1 if it has none."""
        return max((score for score in self._scores() if not math.isnan(score)), default=-1.0)

    def evaluations_since_best(self) -> int:
        """Returns the number of evaluations in the log after the one with the highest mAP.

        Without any mAP but nan, all evaluations count. Of equal ones, the first is the best.
        """
        scores = self._scores()
        best = self.best_map()
        return len(scores) - (scores.index(best) + 1 if best in scores else 0)

    def last_epoch(self) -> int:
        """Returns the number of the last epoch in the log, from 0, or -1 if it has none."""
        return max((int(row["epoch"]) for row in self.rows()), default=-1)

    def add_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        """Adds a row to the log.

        Args:
            epoch: the number of the epoch, from 0.
            logs: the figures of the epoch, by name.
        """
        values = {name: _as_text(logs[name]) for name in sorted(logs)}
        self._write_rows([*self.rows(), {"epoch": str(epoch), **values}])

    def drop_epochs_from(self, epoch: int) -> None:
        """Removes the rows of epochs that will be trained again from the log."""
        rows = self.rows()
        kept = [row for row in rows if int(row["epoch"]) < epoch]
        if len(kept) < len(rows):
            self._write_rows(kept, list(rows[0]))

    def _write_rows(self, rows, names=()):
        names = dict.fromkeys([*names, *(name for row in rows for name in row)])
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.log, text.getvalue())

    def _scores(self):
        return [float(row["val_map"]) for row in self.rows() if row.get("val_map")]

    def write_unfinished_epoch(self, batches: int, epoch: int, logs: dict[str, float]) -> None:
        """Notes an epoch that is trained, but not yet measured and logged.

        Args:
            batches: the number of batches up to the end of the epoch.
            epoch: the number of the epoch, from 0.
            logs: Keras's logs of the epoch.
        """
        values = {name: float(value) for name, value in logs.items()}
        text = json.dumps({"batches": batches, "epoch": epoch, "logs": values})
        write_text(self._unfinished_epoch, text)

    def unfinished_epoch(self, batches: int) -> tuple[int, dict[str, float]] | None:
        """Returns (epoch, logs) of the epoch that ended here, or None if it is measured.

        Args:
            batches: the number of batches up to here.
        """
        if not self._unfinished_epoch.exists():
            return None
        note = _read_json(self._unfinished_epoch)
        return (note["epoch"], note["logs"]) if note["batches"] == batches else None

    def remove_unfinished_epoch(self) -> None:
        """Notes that every trained epoch is measured and logged."""
        self._unfinished_epoch.unlink(missing_ok=True)

    def disk_full(self, error: OSError) -> OSError | None:
        """Returns an error that says in one line that the disk is full, or None if it is not."""
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return None
        message = "the disk is full; what was saved before is whole, so make room and resume"
        return OSError(error.errno, message, str(self.path))

    def rows(self) -> list[dict[str, str]]:
        """Returns the rows of the log, each with texts by the names of the columns."""
        if not self.log.exists():
            return []
        with self.log.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [row for row in rows if None not in row.values()]  # a kill may cut the last one


def _changes(before, now):
    """Yields a text for each setting that has another value, also within a recipe."""
    for name in {**before, **now}:
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _changes(old, new)
        elif old != new:
            yield f"{name} {old} -> {new}"


def _as_text(value):
    try:
        return str(float(value))
    except (TypeError, ValueError):  # a callback of the user may log anything
        return str(value)


def _read_json(path):
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: is damaged; expected JSON ({error})") from error
