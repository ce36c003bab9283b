"""What `keras-ssd train` takes for the options that are not given, from a trained detector on."""

import argparse

from keras_ssd.cli.new_models import NEW_MODELS
from keras_ssd.cli.training_options import chosen_recipe

RECIPES = ("finetune", "modern")  # take these defaults; the others say everything themselves


def fill_in(options: argparse.Namespace, num_images: int) -> None:
    """Sets the options that are not given, if the training starts from a trained detector.

    Args:
        options: the options of the command, which are changed. Those that are given stay.
        num_images: the number of images to train on.
    """
    from keras_ssd.training.defaults import IMAGES_PER_STEP, Defaults, steps_per_evaluation

    if options.recipe not in RECIPES or options.model in NEW_MODELS:
        return
    defaults = Defaults.for_images(num_images)
    if options.epochs is None and options.steps is None:
        options.steps = defaults.steps
    if options.freeze is None:
        options.freeze = defaults.freeze
    if options.freeze_batch_norm is None:
        options.freeze_batch_norm = defaults.freeze_batch_norm
    recipe = chosen_recipe(options, num_images)
    if options.learning_rate is None:  # in proportion, as in `chosen_recipe`
        options.learning_rate = defaults.learning_rate * recipe.images_per_step / IMAGES_PER_STEP
    if options.evaluate_every is None:
        options.evaluate_every = steps_per_evaluation(recipe, num_images)
