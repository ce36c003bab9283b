"""The options that say what a detector looks at, and for what."""

import argparse
import math
from typing import TYPE_CHECKING

from keras_ssd.cli.option_values import positive, share

if TYPE_CHECKING:
    from keras_ssd.inference.protocol import ObjectDetector

CONFIDENCE = 0.5  # the default
_TILES = "auto"


def add_source_options(command: argparse.ArgumentParser, *, confidence: float = CONFIDENCE) -> None:
    """Adds the sources, and the options that choose among their frames and objects.

    Args:
        command: the subcommand's parser.
        confidence: the lowest score of a detection, by default.
    """
    add = command.add_argument
    add(
        "sources",
        nargs="+",
        metavar="SOURCE",
        help="an image, a video, a folder, a pattern such as 'photos/*.jpg', a .txt file with one "
        "source on each line, - for lines on stdin, an http, https or rtsp address, the number of "
        "a webcam, or screen",
    )
    add("--recursive", action="store_true", help="look in the folders inside folders too")
    add(
        "--classes",
        nargs="+",
        metavar="NAME",
        help="classes to look for; default: all of the detector",
    )
    add(
        "--confidence",
        nargs="+",
        type=_confidence,
        metavar="SCORE",
        help="lowest score of a detection, from 0 to 1, and those of single classes, such as "
        f"0.4 person=0.6; default: {confidence}",
    )
    add("--iou", type=share, help="IoU above which NMS drops the box with the lower score")
    add(
        "--max-detections",
        type=positive(int),
        metavar="N",
        help="largest number of detections in an image",
    )
    add(
        "--tiles",
        type=_tiles,
        nargs="?",
        const=_TILES,
        metavar="N",
        help="look at overlapping tiles too, N along the longer side, for small objects in large "
        "images; without N, tiles of twice the network's size",
    )
    add(
        "--every",
        type=positive(int),
        default=1,
        metavar="N",
        help="look at every Nth frame of a video",
    )
    add("--limit", type=positive(int), metavar="N", help="end after N images and frames")
    add(
        "--batch-size",
        type=positive(int),
        default=8,
        metavar="N",
        help="images that the network sees at once",
    )


def classes(options: argparse.Namespace) -> list[str] | None:
    """The names of the classes to look for, or None for all."""
    if options.classes is None:
        return None
    names = (name.strip() for text in options.classes for name in text.split(","))
    return [name for name in names if name]


def confidence_threshold(
    options: argparse.Namespace, *, default: float = CONFIDENCE
) -> float | dict[str, float]:
    """The lowest score of a detection, as `ObjectDetector.detect` takes it."""
    given = {name or "*": value for name, value in options.confidence or ()}
    thresholds = {"*": default} | given
    return thresholds["*"] if len(thresholds) == 1 else thresholds


def set_nms(detector: "ObjectDetector", options: argparse.Namespace) -> None:
    """Changes the settings of NMS that the options name.

    Raises:
        ValueError: they are part of an exported detector.
    """
    for name, value in (("iou_threshold", options.iou), ("max_detections", options.max_detections)):
        if value is None:
            continue
        try:
            setattr(detector, name, value)
        except AttributeError as error:
            raise ValueError(
                f"{name}: cannot be changed, because NMS is part of this exported detector; export "
                "it again with another value"
            ) from error


def _confidence(text: str) -> tuple[str | None, float]:
    name, equals, score = text.rpartition("=")
    if equals and not name:
        raise argparse.ArgumentTypeError(f"expected SCORE or CLASS=SCORE, not {text!r}")
    return name or None, share(score)


def _tiles(text: str) -> int | str:
    if text == _TILES:
        return text
    number = int(text) if text.isascii() and text.isdigit() else math.nan
    if not number >= 2:
        raise argparse.ArgumentTypeError(f"expected a whole number from 2 on, not {text!r}")
    return int(number)
