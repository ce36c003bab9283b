"""`keras-ssd benchmark` measures a detector on every runtime, or the making of training batches."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from keras_ssd.cli.data_options import IMAGE_SET_HELP, add_data_options, check_sources, load_data
from keras_ssd.cli.new_models import NEW_MODELS
from keras_ssd.files import checked_output, write_text

if TYPE_CHECKING:
    from keras_ssd.benchmark import Measured


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: what to measure, the model, the data, the file to write."""
    add = command.add_argument
    add(
        "what",
        nargs="?",
        choices=("detector", "data"),
        default="detector",
        help="what to measure: the detector on every runtime that is installed (the default), or "
        "how many images of --data in a second become training batches",
    )
    add(
        "--model",
        required=True,
        metavar="MODEL",
        help="the name of a preset or the path of a detector; for `data` also the name of a new "
        f"model: {', '.join(NEW_MODELS)}",
    )
    add_data_options(command, required=False)
    add("--image-set", help=f"images to measure mAP on: {IMAGE_SET_HELP.format('val')}")
    add(
        "--calibrate",
        metavar="DIR",
        help="a folder of images to calibrate int8 on, other ones than those of --data. Without it "
        "a preset's packaged int8 file is measured, and other int8 files have no mAP",
    )
    add("--json", type=Path, metavar="FILE", help="write the figures to this file")


def run(options: argparse.Namespace) -> int:
    """Prints a table, and writes the figures to the file that is asked for."""
    from keras_ssd.benchmark import benchmark
    from keras_ssd.loading import check_detector, load_detector

    if options.json:
        checked_output(options.json, ".json")
    if options.what == "data":
        return _run_data(options)
    if options.image_set and not options.data:
        raise ValueError("--image-set: needs --data, annotated images to measure mAP on")
    check_sources(options.data)
    check_detector(options.model)
    data = None
    if options.data:
        class_names = load_detector(options.model).class_names
        data = load_data(
            options, image_set=options.image_set, default_set="val", class_names=class_names
        )
    print("exporting and measuring, which takes some minutes", file=sys.stderr)
    result = benchmark(
        options.model, data=data, calibrate=options.calibrate, on_measured=_print_measured
    )
    result.print()
    if options.json:
        write_text(options.json, json.dumps(result.to_json(), indent=1) + "\n")
    return 0


def _run_data(options) -> int:
    from keras_ssd.benchmark.data import benchmark_data
    from keras_ssd.loading import check_keras_detector, load_keras_detector

    if not options.data:
        raise ValueError("benchmark data: needs --data, annotated images to make batches of")
    if options.calibrate:
        raise ValueError("--calibrate: benchmark data exports no detector")
    check_sources(options.data)
    if options.model in NEW_MODELS:
        config = NEW_MODELS[options.model].config
    else:
        check_keras_detector(options.model)
        config = load_keras_detector(options.model).config
    data = load_data(options, image_set=options.image_set, default_set="trainval", class_names=None)
    print("measuring, which takes some minutes", file=sys.stderr)
    result = benchmark_data(
        data,
        config,
        options.model,
        on_measured=lambda name, rate: print(f"{name}: {rate:.0f} images/s", file=sys.stderr),
    )
    result.print()
    if options.json:
        write_text(options.json, json.dumps(result.to_json(), indent=1) + "\n")
    return 0


def _print_measured(one: "Measured") -> None:
    print(f"{one.name}: {one.milliseconds:.1f} ms", file=sys.stderr)
