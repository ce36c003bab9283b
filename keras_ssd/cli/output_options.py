"""The options that say what a run writes, and the lines that it prints."""

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from keras_ssd.terminal import counted

if TYPE_CHECKING:
    from keras_ssd.outputs.entry import FilmEnd
    from keras_ssd.results import Detections

FORMATS = ("json", "jsonl", "csv", "coco", "voc", "yolo")


def add_output_options(command: argparse.ArgumentParser) -> None:
    """Adds the folder, and the options that choose what is written into it."""
    add = command.add_argument
    add(
        "--output",
        type=Path,
        metavar="DIR",
        help="folder to write to: each image and video with its objects drawn, and the detections",
    )
    add(
        "--save",
        nargs="+",
        choices=FORMATS,
        metavar="FORMAT",
        help=f"formats of the detections: {', '.join(FORMATS)}; default: json",
    )
    add("--save-crops", action="store_true", help="write each object as a picture of its own")
    add("--pictures", choices=("jpg", "png"), default="jpg", help="format of the pictures")
    add("--no-pictures", action="store_true", help="write neither pictures nor videos")
    add("--show", action="store_true", help="show each picture in a window; q ends the run")
    again = command.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the run in --output")
    again.add_argument("--overwrite", action="store_true", help="replace the results in --output")
    add("--verbose", action="store_true", help="print a line for each frame of a video")


class Printer:
    """Prints one line for each image, and one for each video.

    Args:
        verbose: whether each frame of a video has a line, too.
    """

    def __init__(self, *, verbose: bool):
        self._verbose = verbose
        self._tracks: dict[int, str] = {}  # the class of each tracked object in a video

    def image(self, found: "Detections", picture: Path | None) -> None:
        """Prints what was found in an image; in a frame only if the printer is verbose."""
        if found.frame is not None and found.track_ids is not None:
            self._tracks |= dict(zip(found.track_ids.tolist(), found.names, strict=True))
        if found.frame is not None and not self._verbose:
            return
        name = found.image if found.frame is None else f"{found.image}, frame {found.frame}"
        objects = [_description(record) for record in found.to_records()]
        _print(f"{name}: {', '.join(objects) or 'nothing found'}", picture)

    def film(self, end: "FilmEnd", film: Path | None) -> None:
        """Prints in how many frames of a video each class was found, or how many were tracked."""
        classes = [f"{name} in {count}" for name, count in end.frames_with.items()]
        found = ", ".join(classes) or "nothing found"
        self._tracks.pop(-1, None)
        if self._tracks:
            tracked = Counter(self._tracks.values()).most_common()
            numbers = ", ".join(f"{count} {name}" for name, count in tracked)
            found = f"{counted(len(self._tracks), 'object')} tracked ({numbers})"
        self._tracks.clear()
        _print(f"{end.image}: {counted(end.frames, 'frame')}; {found}", film)


def _description(record):
    track = record.get("track", -1)
    number = f" #{track}" if track >= 0 else ""
    return f"{record['label']}{number} {record['score']:.2f}"


def _print(line, path):
    print(line if path is None else f"{line} -> {path}", flush=True)
