"""Progress bars, tables and counts for people at a terminal, drawn by rich if it is installed."""

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TextIO, TypeVar

Item = TypeVar("Item")


def track(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yields the items, and shows a progress bar on stderr.

    Nothing is shown if stderr is not a terminal or rich is not installed.

    Args:
        items: an iterable, which is gone through once.
        description: the text in front of the bar.
        total: the number of items. None uses `len(items)`, or shows a count only if there is none.
    """
    if not _has_rich(sys.stderr):
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(
        *Progress.get_default_columns(),
        console=Console(stderr=True),
        transient=True,
        # rich sends printed lines to stderr, above the bar, which would empty the file of `> file`.
        redirect_stdout=sys.stdout.isatty(),
    )
    with bar:
        yield from bar.track(items, total, description=description)


@contextmanager
def track_bytes(description: str, total: int | None = None) -> Iterator[Callable[[int], object]]:
    """Shows on stderr how many bytes have arrived, and how fast.

    It yields a function: call it with the number of bytes of each piece that arrives. Nothing is
    shown if stderr is not a terminal or rich is not installed.

    Args:
        description: the text in front of the bar.
        total: the number of bytes, or None if it is not known.

    Examples:
        >>> with track_bytes("weights.pth", total=4) as advance:
        ...     advance(len(b"abcd"))
    """
    if not _has_rich(sys.stderr):
        yield lambda size: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total)
        yield partial(bar.advance, task)


@contextmanager
def track_frames(description: str) -> Iterator[Callable[[int, int], object]]:
    """Shows on stderr how many images or frames are done, and how many a second.

    It yields a function: call it with the number of images that were done since the last call, and
    the total as far as it is known, or 0. Nothing is shown if stderr is not a terminal or rich is
    not installed.

    Args:
        description: the text in front of the bar.

    Examples:
        >>> with track_frames("Detecting") as advance:
        ...     advance(1, 10)
    """
    if not _has_rich(sys.stderr):
        yield lambda done, total: None
        return
    from rich import progress
    from rich.console import Console
    from rich.text import Text

    class Speed(progress.ProgressColumn):
        def render(self, task: progress.Task) -> Text:
            return Text(f"{task.speed or 0:.1f} frames/s")

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        Speed(),
        progress.TimeRemainingColumn(),
    )
    redirect = sys.stdout is not None and sys.stdout.isatty()  # as in `track`
    console = Console(stderr=True)
    with progress.Progress(
        *columns, console=console, transient=True, redirect_stdout=redirect
    ) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, advance=done, total=total or None)


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> None:
    """Prints a table on stdout. On a terminal rich draws it; otherwise each row is a line of text.

    Args:
        header: the title of each column.
        rows: the cells of each row.
        align: one character for each column: "<" for left or ">" for right.
    """
    rows = [tuple(row) for row in rows]
    if not _has_rich(sys.stdout):
        print(plain_table(header, rows, align))
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE)
    for number, (title, side) in enumerate(zip(header, align, strict=True)):
        # The first column names the row, so it is never cut.
        table.add_column(
            title,
            justify="right" if side == ">" else "left",
            no_wrap=number == 0,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(Text, row))  # Text, because a cell may hold rich's own brackets
    Console().print(table)


def counted(number: int, one: str, many: str | None = None) -> str:
    """Returns a number with its noun in the singular or the plural.

    Args:
        number: the number.
        one: the noun for one.
        many: the noun for other numbers; None adds an "s".

    Examples:
        >>> counted(1, "image"), counted(0, "image"), counted(2, "class", "classes")
        ('1 image', '0 images', '2 classes')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def plain_table(header: Sequence[str], rows: Iterable[Sequence[str]], align: str) -> str:
    """Returns a table as text; the arguments are those of `print_table`.

    Examples:
        >>> print(plain_table(["class", "objects"], [["cat", "3"], ["dog", "12"]], "<>"))
        class  objects
        cat          3
        dog         12
    """
    lines = [tuple(header), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(line, align, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def _has_rich(stream: TextIO | None) -> bool:
    # There is no stderr without a console, as with pythonw.
    return stream is not None and stream.isatty() and importlib.util.find_spec("rich") is not None
