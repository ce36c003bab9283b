"""The options of `keras-ssd train` that say how to train: recipe, length, learning rate."""

import argparse
import dataclasses
from typing import TYPE_CHECKING

from keras_ssd.cli.option_values import devices, positive, seed

if TYPE_CHECKING:
    from keras_ssd.training.recipes import Recipe

RECIPES = ("finetune", "paper", "smoke")  # of `keras_ssd.training`, which takes seconds to import


def add_options(command: argparse.ArgumentParser) -> None:
    """Adds the options that `chosen_recipe` reads, and those of the order of the run."""
    add = command.add_argument
    add("--recipe", choices=RECIPES, default="finetune", help="recipe of the training")
    add(
        "--batch-size", type=positive(int), help="number of images in a step; default: the recipe's"
    )
    length = command.add_mutually_exclusive_group()
    length.add_argument(
        "--steps", type=positive(int), help="length of the run; default: the recipe's"
    )
    length.add_argument("--epochs", type=positive(int), help="number of passes over the images")
    add(
        "--learning-rate",
        type=positive(float),
        help="highest learning rate; default: the recipe's, in proportion to the batch size",
    )
    add(
        "--augmentation",
        choices=("paper", "paper-numpy", "none"),
        default="paper",
        help="the paper's random changes of the images, made by TensorFlow, or by NumPy and "
        "OpenCV, which takes twice as long; or none",
    )
    add(
        "--cache",
        metavar="memory|DIR",
        help="decode all images once, before the first step, and keep them in memory or in a "
        "folder, which later runs use too; a VOC photo takes 0.5 MB",
    )
    add(
        "--evaluate-every",
        type=positive(int),
        metavar="STEPS",
        help="number of steps between two evaluations; default: one pass over the images",
    )
    add(
        "--devices",
        type=devices,
        metavar="N|all",
        help="number of devices that share each batch, or all GPUs or TPUs; without any, the "
        "processor plays their part; default: one",
    )
    add("--seed", type=seed, default=0, help="seed of all random numbers")


def chosen_recipe(options: argparse.Namespace, num_images: int) -> "Recipe":
    """Returns the recipe that the options name, with the changes that they ask for.

    Args:
        options: the options of the command.
        num_images: the number of images to train on, by which `--epochs` becomes steps.
    """
    from keras_ssd.training import RECIPES as recipes

    recipe = recipes[options.recipe]
    batch_size = options.batch_size or recipe.batch_size
    steps = options.steps or recipe.steps
    if options.epochs:
        steps = options.epochs * -(-num_images // batch_size)
    # A larger batch averages more gradients, so the step may be larger in proportion.
    learning_rate = options.learning_rate or recipe.learning_rate * batch_size / recipe.batch_size
    return dataclasses.replace(
        recipe, batch_size=batch_size, steps=steps, learning_rate=learning_rate
    )
