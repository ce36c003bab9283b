"""`keras-ssd detect` finds objects in images, videos and cameras, and draws them."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_ssd.cli.model_options import (
    DEFAULT_MODEL,
    add_model_options,
    add_runtime_options,
    check_model,
    load_for_runtime,
)
from keras_ssd.cli.output_options import Printer, add_output_options
from keras_ssd.cli.server_options import add_server_options, check_server_options, client
from keras_ssd.cli.source_options import (
    CONFIDENCE,
    add_source_options,
    classes,
    confidence_threshold,
    set_nms,
)

if TYPE_CHECKING:
    from keras_ssd.inference.protocol import ObjectDetector
    from keras_ssd.outputs.showing import Window
    from keras_ssd.tracking import TrackDrawing, Tracker


@dataclass
class Tracking:
    """What `keras-ssd track` adds to a run.

    Attributes:
        tracker: gives the objects their numbers.
        confidence: the lowest score of a detection, by default.
        drawing: draws the objects into what is written.
        shown: draws them into what is shown; each of the two sees every frame.
        settings: the settings that belong to the run's results.
    """

    tracker: "Tracker"
    confidence: float
    drawing: "TrackDrawing"
    shown: "TrackDrawing"
    settings: dict[str, Any]


def add_options(command: argparse.ArgumentParser, *, confidence: float = CONFIDENCE) -> None:
    """Adds the subcommand's options: sources, detector and output.

    Args:
        command: the subcommand's parser.
        confidence: the lowest score of a detection, by default.
    """
    add_source_options(command, confidence=confidence)
    add_model_options(command, or_server=True)
    add_runtime_options(command)
    add_server_options(command)
    add_output_options(command)


def run(options: argparse.Namespace, tracking: Tracking | None = None) -> int:
    """Writes or shows what is found; 1 if a source could not be used, or not to its end."""
    if options.output is None and not options.show:
        raise ValueError("--output: is needed, unless --show is given")
    check_server_options(options)
    if not options.server:
        options.model = options.model or DEFAULT_MODEL
        check_model(options)
    window = _window(options.command) if options.show else None
    problems = _detect(_detector(options), options, window, tracking)
    return 1 if problems else 0


def _detector(options: argparse.Namespace) -> "ObjectDetector":
    if options.server:
        detector: ObjectDetector = client(options)
    else:
        from keras_ssd.runtime import are_many

        many = are_many(options.sources, recursive=options.recursive)
        changes_nms = options.iou is not None or options.max_detections is not None
        detector = load_for_runtime(options, many=many, changes_nms=changes_nms)
    set_nms(detector, options)
    return detector


def _window(command: str) -> "Window":
    from keras_ssd.outputs.showing import Window

    return Window(f"keras-ssd {command}")


def _detect(
    detector: "ObjectDetector",
    options: argparse.Namespace,
    window: "Window | None",
    tracking: Tracking | None,
) -> list[str]:
    from keras_ssd.outputs.detecting import detect_to_folder
    from keras_ssd.outputs.journal import FILE_NAME
    from keras_ssd.outputs.showing import detect_and_show

    printer = Printer(verbose=options.verbose)
    chosen: dict[str, Any] = {
        "confidence_threshold": confidence_threshold(
            options, default=CONFIDENCE if tracking is None else tracking.confidence
        ),
        "classes": classes(options),
        "batch_size": options.batch_size,
        "tiles": options.tiles,
        "every": options.every,
        "limit": options.limit,
        "recursive": options.recursive,
        "on_image": printer.image,
        "on_problem": lambda problem: print(
            f"keras-ssd {options.command}: {problem}", file=sys.stderr
        ),
    }
    if tracking is not None:
        drawing = tracking.drawing

        def on_image(found, picture):
            drawing.see(found)
            printer.image(found, picture)

        chosen |= {"tracker": tracking.tracker, "draw": drawing, "on_image": on_image}
    if options.output is None:
        assert window is not None
        return detect_and_show(detector, options.sources, window, **chosen)
    settings = _shared_settings(options) | ({} if tracking is None else tracking.settings)
    try:
        return detect_to_folder(
            detector,
            options.sources,
            options.output,
            **chosen,
            save=options.save or ["json"],
            pictures=None if options.no_pictures else options.pictures,
            crops=options.save_crops,
            resume=options.resume,
            overwrite=options.overwrite,
            settings=settings,
            on_film=printer.film,
            show=window,
            draw_shown=None if tracking is None else tracking.shown,
        )
    except (KeyboardInterrupt, OSError):
        if (options.output / FILE_NAME).exists():
            goes_on = "" if tracking is not None else "; --resume goes on with it"
            finished = f"what is finished is in {options.output}{goes_on}"
            print(f"keras-ssd {options.command}: {finished}", file=sys.stderr)
        raise


def _shared_settings(options):
    """The settings that a run must share with the one that it goes on with."""
    from keras_ssd.checkpoints.download import sha256_of

    names = ("model", "server", "runtime", "calibrate", "dtype", "iou", "max_detections")
    settings = {name: getattr(options, name) for name in names}
    if options.model and Path(options.model).is_file():
        settings["SHA-256 of the model"] = sha256_of(options.model)
    return settings
