"""Writes a report as one HTML file that needs nothing else, not even scripts."""

from collections.abc import Sequence
from functools import cache
from math import isnan
from pathlib import Path

from keras_ssd.files import write_text
from keras_ssd.report.environment import how_it_was_made
from keras_ssd.report.evaluation_part import EvaluationPart
from keras_ssd.report.run_part import RunPart
from keras_ssd.report.templating import template_environment


def write_page(
    path: str | Path,
    *,
    title: str,
    evaluation: EvaluationPart | None = None,
    measured: str = "",
    run: RunPart | None = None,
    facts: Sequence[tuple[str, str]] = (),
) -> None:
    """Writes a report of an evaluation, of a run, or of both.

    Args:
        path: the HTML file to write.
        title: the heading, such as the name of the model.
        evaluation: the part on an evaluation.
        measured: one sentence on what was measured, such as the epoch of the run.
        run: the part on a training run.
        facts: names and values for the section on how it was made, such as the data's checksum.
            The command, the versions and the machine are added.

    Raises:
        ImportError: Jinja2 is not installed.
        OSError: the file cannot be written.
    """
    html = (
        _environment()
        .get_template("report.html")
        .render(
            title=title,
            evaluation=evaluation,
            measured=measured,
            run=run,
            facts=[*facts, *how_it_was_made()],
        )
    )
    # A file name that is not UTF-8 is read as letters that UTF-8 does not have.
    write_text(path, html.encode(errors="backslashreplace").decode())


@cache
def _environment():
    environment = template_environment("keras_ssd.report")
    environment.filters["figure"] = _figure
    return environment


def _figure(value: float, decimals: int = 3) -> str:
    return "\N{EN DASH}" if isnan(value) else f"{value:.{decimals}f}"
