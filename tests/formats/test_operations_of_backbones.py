"""Operations that only some backbones have: hard-swish, squeeze-and-excitation, enlarged maps."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_ssd import SSD, Detector
from keras_ssd.config import fpn_config
from keras_ssd.formats import export
from keras_ssd.models.feature_pyramid import feature_pyramid


@pytest.fixture(scope="module")
def detector():
    """An SSD with these operations, and random weights."""
    keras.utils.set_random_seed(0)
    images = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(images)
    fine = layers.Conv2D(8, 4, strides=4, activation="hard_swish")(x)
    share = layers.Conv2D(8, 1)(layers.GlobalAveragePooling2D(keepdims=True)(fine))
    fine = layers.Multiply()([fine, layers.ReLU(6.0)(share + 3.0) * (1 / 6)])
    coarse = layers.Conv2D(8, 2, strides=2, activation="swish")(fine)
    backbone = keras.Model(images, feature_pyramid([fine, coarse], channels=8))
    config = fpn_config("operations", 32, grids=(8, 4, 2))
    return Detector(SSD.from_backbone(backbone, config, 2), ("cat", "dog"), max_detections=9)


@pytest.mark.parametrize(
    ("name", "library", "options"),
    [
        ("a.tflite", "ai_edge_litert", {}),
        ("a.tflite", "ai_edge_quantizer", {"quantize": "int8"}),
        ("a.onnx", "onnxruntime", {}),
        ("a.xml", "openvino", {}),
    ],
)
def test_the_file_computes_what_keras_does(detector, tmp_path, name, library, options):
    pytest.importorskip(library)
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    path = export(detector, tmp_path / name, data=images, **options)  # it compares both
    assert path.exists()
