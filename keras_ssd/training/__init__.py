"""Training runs and their recipes."""

from keras_ssd.training.callbacks import NonFiniteLossError
from keras_ssd.training.recipes import RECIPES, Recipe
from keras_ssd.training.training import train

__all__ = ["RECIPES", "NonFiniteLossError", "Recipe", "train"]
