"""Shows in pictures how an SSD finds the objects in a photo, and how it learns from them."""

import argparse
from pathlib import Path

from keras_ssd.cli.model_options import DEFAULT_MODEL, check_model
from keras_ssd.cli.option_values import share
from keras_ssd.extras import require
from keras_ssd.files import checked_folder


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: the photo, its annotations, the detector and the folder."""
    add = command.add_argument
    add("photo", type=Path, metavar="PHOTO", help="the photo to follow")
    add(
        "--annotations",
        type=Path,
        metavar="XML",
        help="the objects in the photo, as VOC and LabelImg write them; without them the steps of "
        "training are left out",
    )
    add(
        "--model",
        default=DEFAULT_MODEL,
        help="the name of a preset, or the path of a .keras file; default: %(default)s",
    )
    add("--output", type=Path, required=True, metavar="DIR", help="folder of the pictures")
    add(
        "--confidence",
        type=share,
        default=0.3,
        metavar="SCORE",
        help="show boxes above this score; default: %(default)s",
    )


def run(options: argparse.Namespace) -> int:
    """Writes the pictures and the page; see `keras_ssd.explain.explain`."""
    require("matplotlib", extra="train")
    require("jinja2", extra="train")
    checked_folder(options.output)
    check_model(options)

    from keras_ssd.data.annotated_image import read_annotated_image
    from keras_ssd.detector import Detector
    from keras_ssd.explain import explain
    from keras_ssd.images import read_image
    from keras_ssd.loading import load_detector

    image, boxes, labels = read_image(options.photo), None, None
    detector = load_detector(options.model)
    if not isinstance(detector, Detector):
        raise ValueError(f"model: {options.model} is an export; expected a preset or a .keras file")
    if options.annotations:
        sample = read_annotated_image(options.photo, options.annotations, detector.class_names)
        image, boxes, labels = sample.read_image(), sample.boxes, sample.labels
    page = explain(
        detector.with_dtype("float32"),
        image,
        options.output,
        boxes=boxes,
        labels=labels,
        confidence_threshold=options.confidence,
    )
    print(f"The steps are explained in {page}")
    if boxes is None:
        print("Without --annotations, the steps of training and the precision are left out")
    return 0
