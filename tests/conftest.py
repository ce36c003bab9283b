"""Fixtures that all tests share."""

from pathlib import Path

import keras
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _same_random_numbers_every_time():
    keras.utils.set_random_seed(0)
    np.random.seed(0)


@pytest.fixture(scope="session")
def drawn_voc(tmp_path_factory) -> Path:
    """A VOC folder of drawn pictures: 16 to train on, 8 to validate."""
    from keras_ssd.data.synthetic import draw_voc

    folder = tmp_path_factory.mktemp("drawn_voc")
    draw_voc(folder, num_train=16, num_val=8, seed=0)
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data next to the repository; tests that need it skip if it is missing."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"real data is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def micro_ssd():
    """Makes an SSD of two maps, with batch normalization, for images of 32 px and 3 classes.

    It compiles fast, and has the same random weights each time.
    """
    from keras_ssd.config import paper_config
    from keras_ssd.models.ssd import SSD

    config = paper_config(
        "micro",
        image_size=32,
        grids=(4, 2),
        steps=(8, 16),
        sizes=(10, 18, 28),
        aspect_ratios=((2,), (2,)),
    )

    def make():
        keras.utils.set_random_seed(7)
        images = keras.Input((32, 32, 3))
        x = keras.layers.Rescaling(1 / 127.5, -1.0)(images)
        x = keras.layers.Conv2D(16, 8, strides=8, use_bias=False)(x)
        first = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        second = keras.layers.Conv2D(16, 2, strides=2, activation="relu")(first)
        backbone = keras.Model(images, [first, second])
        return SSD.from_backbone(backbone, config, 3, name="micro")

    return make
