"""Draws the precision-recall curves of an evaluation."""

from math import ceil
from pathlib import Path

import numpy as np

from keras_ssd.evaluation.tables import decimals
from keras_ssd.evaluation.voc import ClassResult, VOCResult, precision_envelope
from keras_ssd.extras import require


def plot_precision_recall(result: VOCResult, path: str | Path) -> None:
    """Writes a PNG with a precision-recall curve for each class.

    The line is the precision at each true positive. The shaded area below its envelope is the
    average precision, which the title of the panel states.

    Args:
        result: the result of `evaluate_voc`.
        path: the PNG file to write; its folder is made if it does not exist.

    Raises:
        ImportError: matplotlib is not installed.
    """
    Figure = require("matplotlib.figure", extra="train").Figure
    FigureCanvasAgg = require("matplotlib.backends.backend_agg", extra="train").FigureCanvasAgg
    columns = min(5, len(result.classes))
    rows = ceil(len(result.classes) / columns)
    figure = Figure(figsize=(2.6 * columns, 2.4 * rows + 0.6), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(f"mean AP (area)  {decimals(result.map_area)}")
    figure.supxlabel("recall")
    figure.supylabel("precision")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, entry in zip(panels, result.classes, strict=False):
        _draw_curve(panel, entry)
    for panel in panels[len(result.classes) :]:
        panel.set_axis_off()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="png")


def _draw_curve(panel, entry: ClassResult):
    title = f"{entry.name}  {decimals(entry.ap_area)}"
    panel.set_title(title, fontsize=10, parse_math=False)
    panel.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    panel.tick_params(labelsize=8)
    panel.grid(alpha=0.3)
    if not entry.num_objects:
        panel.text(0.5, 0.5, "no objects", ha="center", va="center", color="gray")
        return
    # The recall rises only at true positives; other detections would draw vertical lines.
    hits = np.flatnonzero(np.diff(entry.recall, prepend=0.0))
    recall = entry.recall[hits]
    envelope = precision_envelope(entry.precision)[hits]
    panel.fill_between(
        np.append(0.0, recall),
        np.append(envelope.max(initial=0.0), envelope),
        step="pre",
        alpha=0.25,
        linewidth=0,
    )
    panel.plot(recall, entry.precision[hits], linewidth=1.2)
