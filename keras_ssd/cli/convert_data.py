"""Converts annotated images to the format of another tool."""

import argparse
from pathlib import Path

from keras_ssd.cli.data_options import (
    CLASSES_HELP,
    SOURCES_HELP,
    add_rule_options,
    names,
    print_problems,
)
from keras_ssd.terminal import counted, track

_FORMATS = {
    "voc": "JPEGImages, Annotations and ImageSets/Main",
    "coco": "images and annotations/instances_*.json",
    "yolo": "images, labels and data.yaml",
    "csv": "images and a table for each image set",
}


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: the data to convert, the format and the folder to write."""
    add = command.add_argument
    add("source", metavar="IN", help=SOURCES_HELP)
    add("output", metavar="OUT", type=Path, help="folder to write; it must not exist or be empty")
    formats = "; ".join(f"{name}: {parts}" for name, parts in _FORMATS.items())
    add("--to", choices=tuple(_FORMATS), required=True, help=formats)
    add(
        "--image-set",
        action="append",
        metavar="SET",
        help="set to convert: a name, a slice such as 0:160, or a .txt file of ids; may be given "
        "several times; default: train, val, test and similar sets, or all",
    )
    add(
        "--images",
        metavar="DIR",
        help="folder that the image names in a .json or .csv file are relative to; default: the "
        "folder of the file",
    )
    add("--classes", type=names, help=CLASSES_HELP + "default: all that the data have")
    add_rule_options(command)
    add("--link", action="store_true", help="make hard links to the images instead of copies")


def run(options: argparse.Namespace) -> int:
    """Converts the data and prints a summary; see `keras_ssd.data.convert_data`."""
    from keras_ssd.data import convert_data

    converted = convert_data(
        options.source,
        options.output,
        options.to,
        image_sets=options.image_set,
        image_folder=options.images,
        class_names=options.classes,
        unknown_classes=options.unknown_classes,
        corrupt_images=options.corrupt_images,
        bad_annotations=options.bad_annotations,
        link=options.link,
        progress=lambda images: track(images, "copying images"),
    )
    data = converted.data
    print_problems(data.problems)
    difficult = sum(int(sample.difficult.sum()) for sample in data)
    if options.to == "yolo" and difficult:
        objects = counted(difficult, "difficult object")
        print(f"YOLO cannot mark difficult objects; {objects} will be like all others")
    print(
        f"{converted.folder}: {counted(len(data), 'image')}, "
        f"{counted(data.num_objects, 'object')}, "
        f"{counted(len(data.class_names), 'class', 'classes')}: {', '.join(data.class_names)}"
    )
    print("image sets: " + ", ".join(f"{name} ({n})" for name, n in converted.sets.items()))
    return 0
