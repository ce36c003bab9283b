"""The options of `keras-ssd train` that say how to train: recipe, length, learning rate."""

import argparse
import dataclasses
from typing import TYPE_CHECKING

from keras_ssd.cli.option_values import (
    positive,
    positive_or,
    seconds,
    seed,
    share,
    share_above_0,
)
from keras_ssd.files import checked_folder

if TYPE_CHECKING:
    from keras_ssd.training.recipes import Recipe

AUTO = "auto"
# Those of `keras_ssd.training`, which takes seconds to import.
RECIPES = ("finetune", "modern", "paper", "smoke")


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options that `chosen_recipe` reads, and those of the order of the run."""
    add = command.add_argument
    add("--recipe", choices=RECIPES, default="finetune", help="recipe of the training")
    add(
        "--batch-size",
        type=positive_or(AUTO),
        metavar="N|auto",
        help="number of images that the network sees at once; default: the recipe's. auto divides "
        "the recipe's into equal batches that fit the free memory, and accumulates",
    )
    add(
        "--accumulate",
        type=positive(int),
        metavar="BATCHES",
        help="number of batches in a step, which changes the weights once, by the mean of their "
        "gradients; default: 1",
    )
    length = command.add_mutually_exclusive_group()
    length.add_argument(
        "--steps",
        type=positive(int),
        help="length of the run; default: 100 and one for each image, at most 3,000, for a trained "
        "detector; else the recipe's",
    )
    length.add_argument("--epochs", type=positive(int), help="number of passes over the images")
    add(
        "--time-limit",
        type=seconds,
        metavar="TIME",
        help="time after which the run has ended, such as 90s, 55m or 8h, if its steps do not end "
        "before; the schedule, the last evaluation and the saving are done by then. It counts from "
        "when the data are read, some seconds after the start of the command",
    )
    add(
        "--early-stop",
        type=positive(int),
        metavar="N",
        help="end the run after N evaluations in a row without a better mAP",
    )
    add(
        "--learning-rate",
        type=positive(float),
        help="highest learning rate; default: the recipe's, but 3e-4 for a trained detector with "
        "finetune or modern; in proportion to the images of a step",
    )
    add(
        "--schedule",
        choices=("cosine", "step"),
        help="how the learning rate falls: along a cosine, or to a tenth after 2/3 and after 5/6 "
        "of the run; default: the recipe's",
    )
    add(
        "--average-over",
        type=share,
        metavar="SHARE",
        help="share of the run that the average of the weights reaches back, which is measured and "
        "saved; 0 measures and saves the weights themselves; default: the recipe's",
    )
    add(
        "--matching-iou",
        type=share_above_0,
        metavar="IOU",
        help="lowest IoU with an object at which a default box learns that object; default: the "
        "recipe's, 0.4 for modern and 0.5 for the others",
    )
    add(
        "--augmentation",
        choices=("paper", "paper-numpy", "none"),
        default="paper",
        help="the paper's random changes of the images, made by TensorFlow, or by NumPy and "
        "OpenCV, which is slower; or none",
    )
    add(
        "--cache",
        metavar="memory|DIR",
        help="decode all images once, before the first step, and keep them in memory or in a "
        "folder, which later runs use too; a VOC photo takes 0.6 MB",
    )
    add(
        "--evaluate-every",
        type=positive(int),
        metavar="STEPS",
        help="number of steps between two evaluations; default: one pass over the images; for a "
        "trained detector a tenth of the run, if that is longer",
    )
    add(
        "--devices",
        type=positive_or("all"),
        metavar="N|all",
        help="number of devices that share each batch, or all GPUs or TPUs; without any, the "
        "processor plays their part; default: one",
    )
    add("--seed", type=seed, default=0, help="seed of all random numbers")


def check(options: argparse.Namespace) -> None:
    """Raises ValueError if the options conflict, or the cache is not a folder; quick."""
    if options.early_stop and not (options.validation_set or options.validation_data):
        raise ValueError("--early-stop: needs images to validate on, --validation-set")
    if options.cache not in (None, "memory"):
        checked_folder(options.cache)


def chosen_recipe(options: argparse.Namespace, num_images: int) -> "Recipe":
    """Returns the recipe that the options name, with the changes that they ask for.

    Args:
        options: the options of the command.
        num_images: the number of images to train on, by which `--epochs` becomes steps.
    """
    from keras_ssd.training import RECIPES as recipes

    before = recipes[options.recipe]
    recipe = dataclasses.replace(
        before,
        batch_size=before.batch_size if options.batch_size in (None, AUTO) else options.batch_size,
        accumulate=options.accumulate or before.accumulate,
        schedule=options.schedule or before.schedule,
        matching_iou=options.matching_iou or before.matching_iou,
    )
    if options.average_over is not None:
        recipe = dataclasses.replace(recipe, average_over=options.average_over or None)
    steps = options.steps or recipe.steps
    if options.epochs:
        steps = options.epochs * -(-num_images // recipe.images_per_step)
    # A larger batch averages more gradients, so the step may be larger in proportion.
    larger = recipe.images_per_step / before.images_per_step
    learning_rate = options.learning_rate or recipe.learning_rate * larger
    return dataclasses.replace(recipe, steps=steps, learning_rate=learning_rate)
