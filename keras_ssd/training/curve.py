"""Draws the learning curve of a run from its log."""

import csv
from pathlib import Path

from keras_ssd.extras import require


def plot_learning_curve(log: str | Path, path: str | Path) -> None:
    """Draws loss and validation mAP over epochs.

    Args:
        log: the `log.csv` of a run.
        path: the PNG file to write.

    Raises:
        ValueError: the log has no complete epoch.
        ImportError: matplotlib is not installed.
    """
    Figure = require("matplotlib.figure", extra="train").Figure
    with Path(log).open() as file:
        rows = list(csv.DictReader(file))
    if not rows:
        raise ValueError(f"{log}: no epoch is complete")
    epochs = [int(row["epoch"]) + 1 for row in rows]

    figure = Figure(figsize=(7, 4), layout="constrained")
    losses = figure.subplots()
    for name, label in (("classes_loss", "classes"), ("offsets_loss", "offsets")):
        losses.plot(epochs, [float(row[name]) for row in rows], marker=".", label=f"loss: {label}")
    losses.set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    losses.xaxis.get_major_locator().set_params(integer=True)
    if rows[0].get("val_map"):
        scores = losses.twinx()
        values = [float(row["val_map"]) for row in rows]
        scores.plot(epochs, values, color="black", marker="o", label="validation mAP")
        scores.set(ylabel="mAP (VOC 11-point)", ylim=(0, 1))
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(path, dpi=120)
