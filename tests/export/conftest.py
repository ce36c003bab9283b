"""A detector of its first random weights, and its SavedModel."""

import keras
import pytest

from keras_ssd import SSDTiny128, build_detector
from keras_ssd.export.saved_model import export_saved_model


@pytest.fixture(scope="package")
def detector():
    keras.utils.set_random_seed(0)
    return build_detector(SSDTiny128(3), ("cat", "dög", "犬"), max_detections=9)


@pytest.fixture(scope="package")
def exported(detector, tmp_path_factory):
    """The folder NAME/1."""
    return export_saved_model(detector, tmp_path_factory.mktemp("models") / "tiny")
