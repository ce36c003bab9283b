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
    """The folder of real data beside the repository; tests that need it skip where it is absent."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"real data is not at {folder}")
    return folder
