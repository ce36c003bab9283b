"""SSD (Single Shot MultiBox Detector, Liu et al. 2016) for Keras.

detector = keras_ssd.load_detector("ssd_mobilenet_320_voc")   # or "best.keras", "d.tflite"
for found in detector.detect(["dog.jpg"]):
    print(found.to_records())

model = keras_ssd.SSD300(num_classes=20)                       # the network that trains
detector = keras_ssd.Detector(model, class_names)              # pixels in, detections out
"""

import importlib

from keras_ssd import config, losses
from keras_ssd.detector import Detector
from keras_ssd.loading import load_detector
from keras_ssd.models import (
    SSD,
    SSD300,
    SSD512,
    SSDMobileNet300,
    SSDMobileNet320,
    SSDResNet300,
    SSDTiny128,
    layers,
)
from keras_ssd.presets import list_presets

_LAZY_PACKAGES = ("data", "evaluation", "formats", "serving", "training")

__all__ = [
    "Detector",
    "SSD",
    "SSD300",
    "SSD512",
    "SSDMobileNet300",
    "SSDMobileNet320",
    "SSDResNet300",
    "SSDTiny128",
    "config",
    "layers",
    "list_presets",
    "load_detector",
    "losses",
    *_LAZY_PACKAGES,
]


def __getattr__(name):
    if name in _LAZY_PACKAGES:
        return importlib.import_module(f"keras_ssd.{name}")
    raise AttributeError(f"module 'keras_ssd' has no attribute {name!r}")
