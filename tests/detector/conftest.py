"""What the tests of detectors in training share: little data and a model that compiles fast."""

import pytest

from keras_ssd.data.loading import load
from keras_ssd.detector import Detector


@pytest.fixture(scope="session")
def data(drawn_voc):
    """16 drawn images."""
    return load(drawn_voc, "train")


@pytest.fixture(scope="session")
def val(drawn_voc):
    """8 other drawn images."""
    return load(drawn_voc, "val")


@pytest.fixture
def detector(data, micro_ssd):
    """A small, untrained detector, for images of 32 px."""
    return Detector(micro_ssd(), data.class_names)
