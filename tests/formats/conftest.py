"""A detector with random weights, images, and the files that it is exported to."""

import keras
import numpy as np
import pytest

from keras_ssd import Detector, SSDTiny128
from keras_ssd.formats.onnx.write import export_onnx
from keras_ssd.formats.openvino.write import export_openvino
from keras_ssd.formats.saved_model.write import export_saved_model


@pytest.fixture(scope="package")
def detector():
    keras.utils.set_random_seed(0)
    return Detector(SSDTiny128(3), ("cat", "dög", "犬"), max_detections=9)


@pytest.fixture(scope="package")
def exported(detector, tmp_path_factory):
    """The folder NAME/1."""
    return export_saved_model(detector, tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="package")
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)


@pytest.fixture(scope="package")
def onnx_path(detector, tmp_path_factory):
    for library in ("onnx", "tf2onnx", "onnxruntime"):
        pytest.importorskip(library, reason='needs pip install "keras-ssd[onnx]"')
    return export_onnx(detector, tmp_path_factory.mktemp("onnx") / "tiny.onnx")


@pytest.fixture(scope="package")
def openvino_path(detector, tmp_path_factory):
    pytest.importorskip("openvino", reason='needs pip install "keras-ssd[openvino]"')
    return export_openvino(detector, tmp_path_factory.mktemp("openvino") / "tiny.xml")
