"""Fixtures for the tests of training runs: little data, a short recipe, and a finished run."""

import dataclasses

import pytest

from keras_ssd.data.augmentation import Augmentation
from keras_ssd.data.loading import load
from keras_ssd.training.recipes import RECIPES
from keras_ssd.training.training import train

# 4 steps an epoch; the last of the three epochs is half a one.
RECIPE = dataclasses.replace(RECIPES["smoke"], batch_size=4, steps=10, warmup=0.2)


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
