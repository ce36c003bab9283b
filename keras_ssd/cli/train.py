"""Trains a model on annotated images."""

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from keras_ssd.cli import model_to_train, train_defaults, training_options
from keras_ssd.cli.data_options import (
    CLASSES_HELP,
    IMAGE_SET_HELP,
    add_data_options,
    check_sources,
    load_data,
    names,
)
from keras_ssd.terminal import counted
from keras_ssd.training.folder import RunFolder

if TYPE_CHECKING:
    from keras_ssd.data import AnnotatedImages


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the subcommand's options: data, model, training and folder."""
    add = command.add_argument
    add_data_options(command)
    add("--image-set", help="images to train on: " + IMAGE_SET_HELP.format("trainval"))
    add(
        "--exclude",
        metavar="FILE",
        help="file of ids of images not to train on",
    )
    add(
        "--validation-set",
        metavar="IMAGE_SET",
        help="images to measure mAP on after each epoch; default: none",
    )
    add(
        "--validation-data",
        nargs="+",
        metavar="SOURCE",
        help="sources of the validation set; default: --data",
    )
    add("--validation-images", metavar="DIR", help="the same as --images, for --validation-data")
    add(
        "--difficult",
        choices=("keep", "drop"),
        default="keep",
        help="whether to train on objects marked difficult and on COCO's crowds; validation never "
        "counts them",
    )
    add("--classes", type=names, help=CLASSES_HELP + "default: all that the data have")
    model_to_train.add_options(command)
    add("--output", type=Path, required=True, metavar="DIR", help="folder of the run")
    add("--resume", action="store_true", help="continue the run in --output")
    training_options.add_options(command)


def run(options: argparse.Namespace) -> int:
    """Loads the data, builds the model and trains it; see `keras_ssd.training.train`."""
    # Errors are raised before the import of Keras, which takes seconds.
    model_to_train.check(options)
    training_options.check(options)
    RunFolder(options.output).check(resume=options.resume)
    check_sources([*options.data, *(options.validation_data or ())])
    data, validation = _load_sets(options)
    train_defaults.fill_in(options, len(data))

    import keras

    from keras_ssd import training
    from keras_ssd.data import Augmentation, PaperAugmentation, TFPaperAugmentation

    augmentations = {
        "paper": TFPaperAugmentation,
        "paper-numpy": PaperAugmentation,
        "none": Augmentation,
    }

    keras.config.set_dtype_policy(options.dtype)
    keras.utils.set_random_seed(options.seed)
    with nullcontext() if options.devices is None else training.data_parallel(options.devices):
        training.train(
            model_to_train.detector_to_train(options, data.class_names),
            data,
            output=options.output,
            recipe=training_options.chosen_recipe(options, len(data)),
            batch_size="auto" if options.batch_size == training_options.AUTO else None,
            validation=validation,
            augmentation=augmentations[options.augmentation](),
            steps_per_epoch=options.evaluate_every,
            seed=options.seed,
            cache=options.cache,
            skip_corrupt_images=options.corrupt_images == "skip",
            time_limit=options.time_limit,
            early_stop=options.early_stop,
            resume=options.resume,
        )
    print(f"Trained. The detectors, the log and the report are in {options.output}")
    return 0


def _load_sets(options) -> "tuple[AnnotatedImages, AnnotatedImages | None]":
    """Returns the images to train on, and those to validate on if there are any."""
    data = load_data(
        options,
        image_set=options.image_set,
        default_set="trainval",
        class_names=options.classes,
        difficult=options.difficult,
        exclude=options.exclude,
    )
    validation = None
    if options.validation_set or options.validation_data:
        validation = load_data(
            options,
            image_set=options.validation_set,
            default_set="val",
            class_names=data.class_names,
            sources=options.validation_data,
            image_folder=options.validation_images,
        )
    print(
        f"{counted(len(data), 'image')} to train on, {len(validation or ())} to validate on, "
        f"{counted(len(data.class_names), 'class', 'classes')}: {', '.join(data.class_names)}"
    )
    _warn_of_shared_images(data, validation)
    return data, validation


def _warn_of_shared_images(data: "AnnotatedImages", validation: "AnnotatedImages | None"):
    """Compares images by their files, since two sources may have an id in common."""
    to_train = {sample.image for sample in data}
    shared = sum(sample.image in to_train for sample in validation or ())
    if validation is not None and shared:
        print(
            f"warning: {shared} of the {counted(len(validation), 'image')} to validate on "
            f"{'is' if shared == 1 else 'are'} trained on as well, so mAP will overrate the "
            "detector",
            file=sys.stderr,
        )
