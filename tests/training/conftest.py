"""What the tests of training runs share: little data and a model that compiles fast."""

import dataclasses

import keras
import pytest

from keras_ssd.config import paper_config
from keras_ssd.data.augmentation import Augmentation
from keras_ssd.data.loading import load
from keras_ssd.models.ssd import SSD
from keras_ssd.training.recipes import RECIPES
from keras_ssd.training.run import train

# 4 steps an epoch; the last of the three epochs is half a one.
RECIPE = dataclasses.replace(RECIPES["smoke"], batch_size=4, steps=10, warmup=0.2)
CONFIG = paper_config(
    "micro",
    image_size=32,
    grids=(4, 2),
    steps=(8, 16),
    sizes=(10, 18, 28),
    aspect_ratios=((2,), (2,)),
)


@pytest.fixture(scope="package")
def data(drawn_voc):
    """16 drawn images."""
    return load(drawn_voc, "train")


@pytest.fixture(scope="package")
def validation(drawn_voc):
    """8 other drawn images."""
    return load(drawn_voc, "val")


@pytest.fixture(scope="package")
def recipe():
    return RECIPE


@pytest.fixture(scope="package")
def micro_ssd():
    """Makes an SSD of two maps, with batch normalization, for images of 32 px and 3 classes."""

    def make():
        keras.utils.set_random_seed(7)
        images = keras.Input((32, 32, 3))
        x = keras.layers.Rescaling(1 / 127.5, -1.0)(images)
        x = keras.layers.Conv2D(16, 8, strides=8, use_bias=False)(x)
        first = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        second = keras.layers.Conv2D(16, 2, strides=2, activation="relu")(first)
        backbone = keras.Model(images, [first, second])
        return SSD.from_backbone(backbone, CONFIG, 3, name="micro")

    return make


@pytest.fixture(scope="package")
def run(data, validation, recipe, micro_ssd):
    """Trains the little model on the little data; keyword arguments replace any of that."""

    def run(output, recipe=recipe, data=data, model=None, **options):
        options = {"validation": validation, "augmentation": Augmentation(), **options}
        return train(model or micro_ssd(), data, output=output, recipe=recipe, **options)

    return run


@pytest.fixture(scope="package")
def finished(run, tmp_path_factory):
    """The folder of a run of three epochs, and what `train` returned."""
    output = tmp_path_factory.mktemp("finished") / "run"
    return output, run(output)
