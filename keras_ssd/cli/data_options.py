"""The options that name annotated images, shared by the subcommands that read them."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from keras_ssd.cli.option_values import positive
from keras_ssd.terminal import counted

if TYPE_CHECKING:
    from keras_ssd.data import AnnotatedImages

SOURCES_HELP = (
    "folder in the format of PASCAL VOC, YOLO, COCO or labelme; a .json (COCO), .csv or data.yaml "
    "file; tfds:NAME of a prepared data set of TensorFlow Datasets"
)
CLASSES_HELP = "names separated by commas, or @FILE with one name in each line; "
IMAGE_SET_HELP = (
    'name of an image set or split, "all", a slice such as 0:160, or a .txt file of ids; '
    "default: {} if the source has sets, else all"
)
_SHOWN = 10  # problems of loading


def add_data_options(command: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Adds the options that `load_data` reads, except for the image set."""
    add_source_options(command, required=required)
    command.add_argument(
        "--max-images", type=positive(int), metavar="N", help="only the first N of each image set"
    )
    add_rule_options(command)


def add_source_options(command: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Adds --data and --images."""
    command.add_argument(
        "--data", nargs="+", required=required, metavar="SOURCE", help=SOURCES_HELP
    )
    command.add_argument(
        "--images",
        metavar="DIR",
        help="folder that the image names in a .json or .csv file are relative to; default: the "
        "folder of the file",
    )


def add_rule_options(command: argparse.ArgumentParser) -> None:
    """Adds the options for objects and images that cannot be used."""
    for name, text in {
        "--unknown-classes": "objects of classes that are not among the class names",
        "--corrupt-images": "images that are missing or unreadable",
        "--bad-annotations": "objects and images with an annotation that cannot be used",
    }.items():
        command.add_argument(
            name,
            choices=("error", "skip"),
            default="error",
            help=f"{text}: stop, or leave them out",
        )


def check_sources(sources: Iterable[str] | None) -> None:
    """Raises ValueError if a source is neither a file, a folder nor a data set of tfds."""
    for source in sources or ():
        if not source.startswith("tfds:") and not Path(source).exists():
            raise ValueError(f"{source}: there is no such folder or file")


def load_data(
    options: argparse.Namespace,
    *,
    image_set: str | None,
    default_set: str,
    class_names: Iterable[str] | None,
    sources: Iterable[str] | None = None,
    image_folder: str | None = None,
    difficult: str = "keep",
    exclude: str | None = None,
) -> "AnnotatedImages":
    """Loads annotated images by the rules in the options, and prints the problems.

    Args:
        options: the parsed options of `add_data_options`.
        sources, image_folder: values that replace --data and --images.
        image_set, default_set, class_names, difficult, exclude: as in `keras_ssd.data.load`.
    """
    from keras_ssd.data import load

    data = load(
        options.data if sources is None else sources,
        image_set,
        default_set=default_set,
        exclude=exclude,
        image_folder=options.images if sources is None else image_folder,
        class_names=class_names,
        difficult=difficult,
        unknown_classes=options.unknown_classes,
        corrupt_images=options.corrupt_images,
        bad_annotations=options.bad_annotations,
    )
    print_problems(data.problems)
    return data[: options.max_images]


def print_problems(problems: Iterable[str]) -> None:
    """Prints the first problems on stderr, and the number of the others."""
    problems = list(problems)
    for problem in problems[:_SHOWN]:
        print(problem, file=sys.stderr)
    if len(problems) > _SHOWN:
        print(f"and {counted(len(problems) - _SHOWN, 'more such problem')}", file=sys.stderr)


def names(text: str) -> list[str]:
    """Class names from the text of an option; see CLASSES_HELP.

    Raises:
        argparse.ArgumentTypeError: the file cannot be read, there is no name, or a name looks like
            the name of a file.
    """
    from keras_ssd.data.text_files import read_lines

    if text.startswith("@"):
        try:
            found = read_lines(text[1:])
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
    else:
        found = [part.strip() for part in text.split(",") if part.strip()]
        files = [name for name in found if name.lower().endswith((".txt", ".names"))]
        if files:
            raise argparse.ArgumentTypeError(
                f"{files[0]} looks like the name of a file; write @{files[0]} for the names in it"
            )
    if not found:
        raise argparse.ArgumentTypeError(f"{text}: there is no class name")
    return found
