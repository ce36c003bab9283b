"""What the tests of detectors in training share: little data and a model that compiles fast."""

import keras
import pytest

from keras_ssd.config import paper_config
from keras_ssd.data.loading import load
from keras_ssd.detector import Detector
from keras_ssd.models.ssd import SSD

CONFIG = paper_config(
    "micro",
    image_size=32,
    grids=(4, 2),
    steps=(8, 16),
    sizes=(10, 18, 28),
    aspect_ratios=((2,), (2,)),
)


@pytest.fixture(scope="session")
def data(drawn_voc):
    """16 drawn images."""
    return load(drawn_voc, "train")


@pytest.fixture(scope="session")
def val(drawn_voc):
    """8 other drawn images."""
    return load(drawn_voc, "val")


@pytest.fixture
def detector(data):
    """A detector on two maps, for images of 32 px; the model is small and untrained."""
    images = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1.0)(images)
    x = keras.layers.Conv2D(8, 8, strides=8, use_bias=False)(x)
    first = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    second = keras.layers.Conv2D(8, 2, strides=2, activation="relu")(first)
    backbone = keras.Model(images, [first, second])
    ssd = SSD.from_backbone(backbone, CONFIG, 3, name="micro")
    return Detector(ssd, data.class_names)
