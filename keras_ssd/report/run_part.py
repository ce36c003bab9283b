"""The part of a report on a training run: losses, learning rate, speed and mAP over the epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

from keras_ssd.report.charts import Chart, line_chart

_SMALL = (160, 105)


@dataclass(frozen=True)
class RunPart:
    """What a report says about a training run; the template writes it.

    Attributes:
        state: one sentence on how far the run is.
        charts: the charts of the whole run.
        classes: for each class, its name, its AP after the last epoch, and its AP by epoch.
        columns: the names of the columns of the log.
        rows: the texts of the log, one row for each epoch.
        settings: the settings of the run as (name, value).
    """

    state: str
    charts: list[Chart]
    classes: list[tuple[str, float, Chart]]
    columns: list[str]
    rows: list[list[str]]
    settings: list[tuple[str, str]]


def run_part(
    state: str,
    log: Sequence[Mapping[str, str]],
    class_log: Sequence[tuple[int, Mapping[str, str]]],
    settings: Mapping[str, Any],
) -> RunPart:
    """Works out what a report says about a training run.

    Args:
        state: one sentence on how far the run is.
        log: a row for each epoch, as in `log.csv`: "epoch" (from 0), "loss" and other figures.
        class_log: for each measured epoch, its number from 0 and the AP of each class by its name.
        settings: the settings of the run, as in `run.json`.
    """
    charts = [
        _chart("Loss by part", log, {"classes_loss": "classes", "offsets_loss": "offsets"}),
        _chart("Learning rate", log, {"learning_rate": ""}),
        _chart("Images per second", log, {"images_per_second": ""}),
        _chart("Share of time spent waiting for data", log, {"data_wait_share": ""}, (0.0, 1.0)),
        _chart("mAP on the validation images (VOC, 11-point)", log, {"val_map": ""}, (0.0, 1.0)),
    ]
    names = list(class_log[-1][1]) if class_log else []
    columns = list(log[0]) if log else []
    return RunPart(
        state=state,
        charts=[chart for chart in charts if any(line.paths for line in chart.lines)],
        classes=[_class(name, class_log) for name in names],
        columns=columns,
        rows=[[_cell(name, row.get(name)) for name in columns] for row in log],
        settings=_flat(settings),
    )


def _chart(title, log, columns, y_range=None):
    lines = {
        label: [(int(row["epoch"]) + 1, _number(row.get(name))) for row in log]
        for name, label in columns.items()
    }
    return line_chart(title, lines, x_label="epoch", y_range=y_range, whole_x=True)


def _class(name, class_log):
    points = [(epoch + 1, _number(row.get(name))) for epoch, row in class_log]
    chart = line_chart(
        "AP", {"": points}, x_label="epoch", y_range=(0.0, 1.0), whole_x=True, size=_SMALL
    )
    return name, points[-1][1], chart


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):  # an epoch without this figure
        return nan


def _cell(name, text):
    if name == "epoch":
        return str(int(text) + 1)
    value = _number(text)
    return "" if isnan(value) else f"{value:.4g}"


def _flat(settings: Mapping[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Returns (name, text) of all settings; those within others have names such as recipe.steps."""
    flat: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat += _flat(value, f"{before}{name}.")
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            flat.append((before + name, text))
    return flat
