"""Measures a detector's average precision on annotated images."""

import argparse
import json
from importlib.util import find_spec
from pathlib import Path

from keras_ssd.cli.data_options import IMAGE_SET_HELP, add_data_options, check_sources, load_data
from keras_ssd.cli.model_options import add_model_options, check_model, load_model
from keras_ssd.extras import require
from keras_ssd.files import checked_output, write_text
from keras_ssd.terminal import counted


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: the data, the detector and the files to write."""
    add = command.add_argument
    add_data_options(command)
    add("--image-set", help=IMAGE_SET_HELP.format("val"))
    add_model_options(command)
    add(
        "--coco",
        action="store_true",
        help="measure COCO's AP as well (needs pycocotools or hotcoco)",
    )
    add("--json", type=Path, metavar="FILE", help="write the figures to this file")
    add("--plot", type=Path, metavar="FILE", help="draw precision-recall curves (.png)")
    add("--report", type=Path, metavar="FILE", help="write a report with all errors (.html)")
    add("--detections", type=Path, metavar="FILE", help="write all detections (JSON)")


def run(options: argparse.Namespace) -> int:
    """Prints a table of all classes and writes the chosen files."""
    if options.coco and not find_spec("hotcoco"):
        require("pycocotools", extra="train")
    if options.plot:
        require("matplotlib", extra="train")
        checked_output(options.plot, ".png")
    if options.report:
        require("jinja2", extra="train")
        checked_output(options.report, ".html")
    for path in filter(None, (options.json, options.detections)):
        checked_output(path)
    check_model(options)
    check_sources(options.data)

    from keras_ssd import evaluation
    from keras_ssd.results import write_json

    detector = load_model(options)
    data = load_data(
        options,
        image_set=options.image_set,
        default_set="val",
        class_names=detector.class_names,
    )
    skipped: set[str] | None = set() if options.corrupt_images == "skip" else None
    result = evaluation.evaluate_map(detector, data, coco=options.coco, skipped=skipped)
    if options.detections:
        write_json(result.detections, options.detections)
    result.print()
    if skipped:
        images = counted(len(skipped), "image")
        print(f"\n{images} could not be read; all objects there count as missed")
    if options.json:
        write_text(options.json, json.dumps(result.to_json(), indent=1) + "\n")
    if options.plot:
        evaluation.plot_precision_recall(result.voc, options.plot)
    if options.report:
        from keras_ssd.report import write_report

        write_report(options.report, result, data, model=options.model, skipped=skipped or ())
    return 0
