"""`keras-ssd detect` finds objects in photos and draws them."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from keras_ssd.cli.model_options import add_model_options, load_model

if TYPE_CHECKING:
    from keras_ssd.results import Detections
    from keras_ssd.serving import Client


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: photos, detector and folder."""
    add = command.add_argument
    add("photos", nargs="+", metavar="PHOTO", help="an image file")
    add_model_options(command, or_server=True)
    add(
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder to write to: each photo with its objects drawn (.png), and all "
        "detections (detections.json)",
    )
    add("--confidence", type=float, default=0.25, help="the lowest score of a detection")


def run(options: argparse.Namespace) -> int:
    """Writes pictures and `detections.json`; 1 if a photo could not be used."""
    from keras_ssd.inference.folder import detect_to_folder

    detector = _client(options) if options.server else load_model(options)
    problems = detect_to_folder(
        detector,
        options.photos,
        options.output,
        confidence_threshold=options.confidence,
        on_image=_print_detections,
    )
    for problem in problems:
        print(f"keras-ssd detect: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _client(options) -> "Client":
    from keras_ssd.serving import Client

    if options.dtype != "auto":
        raise ValueError("--dtype: goes with --model, not with --server")
    return Client(options.server)


def _print_detections(found: "Detections", picture: Path) -> None:
    objects = [f"{record['label']} {record['score']:.2f}" for record in found.to_records()]
    print(f"{found.image}: {', '.join(objects) or 'nothing found'} -> {picture}")
