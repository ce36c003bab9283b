"""ONNX files that end at the raw outputs, in OpenCV."""

import cv2
import numpy as np
import pytest

import keras_ssd
from keras_ssd.formats.onnx.write import export_onnx

for library in ("onnx", "tf2onnx", "onnxruntime"):
    pytest.importorskip(library, reason='needs pip install "keras-ssd[onnx]"')


@pytest.fixture(scope="module")
def raw_path(detector, tmp_path_factory):
    return export_onnx(detector, tmp_path_factory.mktemp("opencv") / "raw.onnx", nms=False)


def test_opencv_gives_the_raw_outputs_of_the_network(detector, raw_path, images):
    network = cv2.dnn.readNetFromONNX(str(raw_path))
    network.setInput(images[:1])
    names = network.getUnconnectedOutLayersNames()
    found = dict(zip(names, network.forward(names), strict=True))
    expected = detector.ssd.predict(images[:1].astype(np.float32), verbose=0)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-4)


def test_load_detector_decodes_such_a_file(detector, raw_path, images):
    found = keras_ssd.load_detector(raw_path).predict(images)
    expected = detector.predict(images, verbose=0)
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_allclose(found[name], value, atol=1e-4)
