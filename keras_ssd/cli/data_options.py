"""The options that name annotated images, shared by the subcommands that read them."""

import argparse
import dataclasses
import os
import sys
from pathlib import Path

CLASSES_HELP = "separated by commas, or a file with one a line; "
IMAGE_SET_HELP = (
    'name, split of tfds, "all", slice such as 0:160, or .txt file of ids; else {} where there are '
    "names"
)


def add_data_options(command, *, required=True):
    """Adds what `load_data` goes by, except for the image set."""
    command.add_argument(
        "--data",
        nargs="+",
        required=required,
        metavar="SOURCE",
        help="folder in the layout of VOC, or VOCdevkit with years; COCO's .json; .csv; tfds:NAME "
        "of a prepared data set of TensorFlow Datasets",
    )
    command.add_argument("--images", metavar="DIR", help="of a .json or .csv, if not beside it")
    command.add_argument(
        "--max-images", type=positive(int), metavar="N", help="only the first N of each image set"
    )
    command.add_argument("--unknown-classes", choices=("error", "skip"), default="error")
    command.add_argument("--corrupt-images", choices=("error", "skip"), default="error")


def load_data(
    sources,
    image_folder,
    image_set,
    default_set,
    class_names,
    options,
    difficult="keep",
    exclude=None,
):
    """The annotated images of `sources`, by the rules in `options`; prints their problems."""
    from keras_ssd.data import load

    data = load(
        sources,
        image_set,
        default_set=default_set,
        exclude=exclude,
        image_folder=image_folder,
        class_names=class_names,
        difficult=difficult,
        unknown_classes=options.unknown_classes,
    )
    data = dataclasses.replace(data, samples=data.samples[: options.max_images])
    for problem in data.problems[:10]:
        print(problem, file=sys.stderr)
    if len(data.problems) > 10:
        print(f"and {len(data.problems) - 10} more such problems", file=sys.stderr)
    return data


def names(text):
    """Class names from the text of an option; see CLASSES_HELP."""
    parts = Path(text).read_text().splitlines() if os.path.isfile(text) else text.split(",")
    return [part.strip() for part in parts if part.strip()]


def positive(convert):
    """Makes the parser of an option that must be above 0."""

    def parse(text):
        value = convert(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"expected more than 0, not {text}")
        return value

    return parse
