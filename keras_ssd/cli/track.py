"""`keras-ssd track` follows objects through videos, and counts those that cross a line."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_ssd.cli import detect
from keras_ssd.cli.option_values import positive, share

if TYPE_CHECKING:
    from keras_ssd.tracking import CountLine

_CONFIDENCE, _START_CONFIDENCE = 0.1, 0.4
_COUNTS = "counts.json"


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: those of `detect`, of the tracker, and the lines."""
    detect.add_options(command, confidence=_CONFIDENCE)
    add = command.add_argument
    add(
        "--count-line",
        action="append",
        type=_line,
        default=[],
        metavar="X1,Y1,X2,Y2",
        help="count the objects that cross the line between these points, in pixels; left and "
        "right are as seen from the first point to the second. May be given several times; the "
        f"counts are in {_COUNTS}",
    )
    add(
        "--start-confidence",
        type=share,
        default=_START_CONFIDENCE,
        metavar="SCORE",
        help="lowest score with which an object gets a number; it keeps the number down to "
        "--confidence",
    )
    add(
        "--lost-seconds",
        type=positive(float),
        default=1.0,
        metavar="SECONDS",
        help="time for which an object keeps its number while it is not found",
    )
    add(
        "--by-class",
        action="store_true",
        help="never let an object change its class, for classes on top of each other, such as a "
        "person and a horse",
    )


def run(options: argparse.Namespace) -> int:
    """Writes or shows the tracked objects and the counts; 1 if a source could not be used."""
    if options.resume:
        raise ValueError(
            "--resume: a run that tracks objects cannot go on, because their numbers would begin "
            "anew; --overwrite replaces it"
        )
    from keras_ssd.tracking import TrackDrawing, Tracker

    path = options.output and options.output / _COUNTS
    if path is not None and path.exists() and not options.overwrite:
        raise ValueError(f"{path}: exists already; --overwrite replaces it")
    names = ("start_confidence", "lost_seconds", "by_class")
    tracker = Tracker(
        start_threshold=options.start_confidence,
        lost_seconds=options.lost_seconds,
        by_class=options.by_class,
    )
    drawing, shown = TrackDrawing(options.count_line), TrackDrawing(options.count_line)
    settings = {name: getattr(options, name) for name in names}
    settings["count_line"] = [str(line) for line in options.count_line]
    tracking = detect.Tracking(tracker, _CONFIDENCE, drawing, shown, settings)
    try:
        return detect.run(options, tracking)
    finally:
        counts = drawing.counts()  # of no video if the run did not begin
        if counts and options.count_line:
            _print_counts(counts)
            if path is not None:
                _write_counts(counts, path)
        elif counts and path is not None:
            path.unlink(missing_ok=True)  # it is that of the run which this one replaced


def _line(text: str) -> "CountLine":
    from keras_ssd.tracking import CountLine

    try:
        return CountLine.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("line: ")) from error


def _print_counts(counts: list[dict[str, Any]]) -> None:
    for video in counts:
        for line in video["lines"]:
            corners = ",".join(f"{value:g}" for value in line["line"])
            ways = [
                f"{way.replace('_', ' ')} {_sum(line[way])}"
                for way in ("left_to_right", "right_to_left")
            ]
            print(f"{video['image']}: line {corners}: {', '.join(ways)}", flush=True)


def _sum(of_class: dict[str, int]) -> str:
    names = [f"{count} {name}" for name, count in sorted(of_class.items())]
    return " + ".join(names) or "0"


def _write_counts(counts: list[dict[str, Any]], path: Path) -> None:
    from keras_ssd.files import replace_file

    text = json.dumps(counts, indent=1, ensure_ascii=False) + "\n"
    replace_file(path, lambda unfinished: unfinished.write_text(text, "utf-8"))
