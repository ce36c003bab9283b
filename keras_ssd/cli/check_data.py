"""Checks annotated images before training; the exit status is 1 if training would suffer."""

import argparse
import json
from pathlib import Path

from keras_ssd.cli.data_options import CLASSES_HELP, add_source_options, check_sources, names
from keras_ssd.cli.new_models import NEW_MODELS
from keras_ssd.cli.option_values import positive
from keras_ssd.config import SSDConfig
from keras_ssd.files import checked_output, write_text
from keras_ssd.images import write_image
from keras_ssd.terminal import track


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: the data, the model to match, the files to write."""
    command.epilog = (
        "Errors lead to exit status 1: images that are missing, corrupt, or not of the annotated "
        "size; images that EXIF turns away from their boxes; annotations that cannot be used, such "
        "as normalized coordinates; unknown classes; boxes without area; the same image in two "
        "splits, except in trainval and its train and val; classes without an object to train on; "
        "splits without an object to measure mAP on. Warnings do not: images that look alike; the "
        "same image twice in a split; boxes that were clipped; two boxes on one object; boxes of "
        "the whole image; classes with few objects; objects that fit no default box of the model. "
        "All splits are for training, except those of --validation-set and those with a name "
        "that begins with val or test."
    )
    add = command.add_argument
    add_source_options(command)
    add(
        "--image-set",
        nargs="+",
        metavar="SET",
        help="splits to check and to compare: names, slices such as 0:160, or .txt files of ids; "
        "default: those of train, val, trainval and test that the source has, else all",
    )
    add("--validation-set", nargs="+", metavar="SET", help="more splits, to validate on")
    add("--exclude", metavar="FILE", help=".txt file of ids of images that are not trained on")
    add("--max-images", type=positive(int), metavar="N", help="only the first N of each split")
    add("--classes", type=names, help=CLASSES_HELP + "default: all that the data have")
    add(
        "--model",
        default="ssd_mobilenet_320",
        help="model that defines the default boxes: a new one "
        f"({', '.join(NEW_MODELS)}), or a trained one as in `train`",
    )
    add("--json", type=Path, metavar="FILE", help="write the report with all examples")
    add("--plot", type=Path, metavar="FILE.png", help="draw some samples with their boxes")


def run(options: argparse.Namespace) -> int:
    """Prints the report and writes the chosen files; see `keras_ssd.data.check_data`."""
    from keras_ssd.data.checks.checking import check_data
    from keras_ssd.data.checks.print_report import print_report
    from keras_ssd.data.checks.sample_sheet import draw_samples

    if options.plot:
        checked_output(options.plot, ".png", ".PNG")
    if options.json:
        checked_output(options.json)
    check_sources(options.data)
    report = check_data(
        options.data,
        options.image_set,
        validation_sets=options.validation_set,
        config=_config(options.model),
        exclude=options.exclude,
        image_folder=options.images,
        class_names=options.classes,
        max_images=options.max_images,
        progress=lambda results, count: track(results, "reading images", count),
    )
    print_report(report)
    if options.json:
        write_text(options.json, json.dumps(report.to_json(), indent=1) + "\n")
    if options.plot:
        write_image(draw_samples(report.data), options.plot)
    return 1 if report.has_errors else 0


def _config(model: str) -> SSDConfig:
    if model in NEW_MODELS:
        return NEW_MODELS[model].config
    from keras_ssd.loading import load_keras_detector

    return load_keras_detector(model).config
