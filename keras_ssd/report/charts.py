"""Line charts as SVG: the numbers of a chart, worked out for the template that draws it.

The charts have no colors and no fonts of their own. The style sheet of the page gives them colors
for light and dark, and the browser writes names in every script.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

import numpy as np

Point = tuple[float, float]
_MOST_POINTS = 120  # of a line; more cannot be told apart in a chart of this size
_MOST_DOTS = 30
_TICK_WIDTH, _TICK_HEIGHT = 70, 45  # the room that a tick needs
_LETTER = 6.2  # the width of a digit, in units of the chart


@dataclass(frozen=True)
class Line:
    """A line of a chart, as SVG draws it.

    Attributes:
        name: the name in the legend, or "" if the chart has only this line.
        paths: the parts of the line, each as the text of SVG's `points`; a line has several parts
            if there are gaps in it.
        dots: the places of its points, if they are few.
        area: the text of SVG's `points` for the area below the line, or "".
    """

    name: str
    paths: tuple[str, ...]
    dots: tuple[Point, ...]
    area: str = ""


@dataclass(frozen=True)
class Chart:
    """A chart of lines, in units that are about the pixels of a page.

    Attributes:
        title: the heading.
        summary: one or two sentences that say what the lines do, for those who do not see them.
        width, height: the size of the whole chart.
        frame: (left, top, right, bottom) of the area that the lines are in.
        x_label: the text below the horizontal axis.
        x_ticks, y_ticks: (place, text) of each tick.
        lines: the lines.
    """

    title: str
    summary: str
    width: int
    height: int
    frame: tuple[float, float, float, float]
    x_label: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line, ...]


def line_chart(
    title: str,
    lines: dict[str, Sequence[Point]],
    *,
    x_label: str,
    x_range: Point | None = None,
    y_range: Point | None = None,
    whole_x: bool = False,
    area: Sequence[Point] = (),
    size: tuple[int, int] = (360, 220),
) -> Chart:
    """Works out a chart.

    Args:
        title: the heading.
        lines: the points (x, y) of each line by its name. A point that is not finite is a gap.
        x_label: the text below the horizontal axis.
        x_range, y_range: the lowest and the highest value of an axis. None fits the axis to the
            points; the vertical axis then begins at 0, unless there are values below.
        whole_x: whether only whole numbers are ticks of the horizontal axis.
        area: the points of the upper edge of an area to shade, from left to right.
        size: (width, height).

    Examples:
        >>> from keras_ssd.report.charts import line_chart
        >>> chart = line_chart("loss", {"": [(1, 4.0), (2, 2.0)]}, x_label="epoch", whole_x=True)
        >>> chart.summary, [text for _, text in chart.x_ticks]
        ('From 4 at epoch 1 to 2 at epoch 2.', ['1', '2'])
    """
    kept = {name: _thinned(points) for name, points in lines.items()}
    finite = [point for points in kept.values() for point in points if _is_finite(point)]
    x_low, x_high = x_range or _span([x for x, _ in finite])
    if y_range is None:
        low, high = _span([0.0, *(y for _, y in finite)])
        y_range = (low, high + 0.05 * (high - low))
    y_low, y_high = y_range
    width, height = size
    y_ticks = _ticks(y_low, y_high, height / _TICK_HEIGHT)
    letters = max((len(text) for _, text in y_ticks), default=1)
    frame = (10 + _LETTER * letters, 10.0, width - 12.0, height - 34.0)
    left, top, right, bottom = frame

    def place(point):
        x = left + (point[0] - x_low) / (x_high - x_low) * (right - left)
        y = bottom - (point[1] - y_low) / (y_high - y_low) * (bottom - top)
        return round(x, 1), round(y, 1)

    def path(points):
        return " ".join(f"{x},{y}" for x, y in map(place, points))

    edge = ""
    if area:
        area = _thinned(area)
        edge = path([(area[0][0], y_low), *area, (area[-1][0], y_low)])
    drawn = tuple(
        Line(
            name,
            tuple(path(part) for part in _parts(points)),
            tuple(place(point) for point in points if _is_finite(point))
            if len(points) <= _MOST_DOTS
            else (),
            edge,
        )
        for name, points in kept.items()
    )
    x_ticks = _ticks(x_low, x_high, width / _TICK_WIDTH, whole=whole_x)
    return Chart(
        title=title,
        summary=" ".join(_summary(name, points, x_label) for name, points in kept.items()),
        width=width,
        height=height,
        frame=frame,
        x_label=x_label,
        x_ticks=tuple((place((value, y_low))[0], text) for value, text in x_ticks),
        y_ticks=tuple((place((x_low, value))[1], text) for value, text in y_ticks),
        lines=drawn,
    )


def _is_finite(point):
    return isfinite(point[0]) and isfinite(point[1])


def _thinned(points):
    """Returns at most `_MOST_POINTS` of the points, evenly spread, with the first and the last."""
    points = list(points)
    if len(points) <= _MOST_POINTS:
        return points
    return [points[index] for index in np.linspace(0, len(points) - 1, _MOST_POINTS).astype(int)]


def _parts(points: Iterable[Point]):
    """Yields the parts of a line between its gaps."""
    part: list[Point] = []
    for point in points:
        if _is_finite(point):
            part.append(point)
        elif part:
            yield part
            part = []
    if part:
        yield part


def _span(values):
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _ticks(low, high, most, *, whole=False):
    """Returns (value, text) of round numbers between two values, in at most `most` steps."""
    step = 10.0 ** floor(log10((high - low) / most))
    step = next(step * factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= most)
    if whole:
        step = max(1.0, round(step))
    slack = 1e-9 * (high - low)
    first, last = ceil((low - slack) / step), floor((high + slack) / step)
    return [(number * step, f"{number * step:.6g}") for number in range(first, last + 1)]


def _summary(name, points, x_label):
    finite = [point for point in points if _is_finite(point)]
    if not finite:
        text = "no values"
    else:
        (x, y), (last_x, last_y) = finite[0], finite[-1]
        text = f"{y:.3g} at {x_label} {x:.4g}"
        if len(finite) > 1:
            text = f"from {text} to {last_y:.3g} at {x_label} {last_x:.4g}"
    return f"{name}: {text}." if name else f"{text[0].upper()}{text[1:]}."
