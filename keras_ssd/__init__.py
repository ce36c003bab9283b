"""SSD (Single Shot MultiBox Detector, Liu et al. 2016) for Keras.

>>> model = keras_ssd.SSD300(num_classes=20)                          # trains
>>> detector = keras_ssd.build_detector(model, class_names)           # pixels in, detections out
>>> detector = keras_ssd.load_detector("ssd_mobilenet_320_voc")       # or "best.keras"
>>> for found in keras_ssd.detect(detector, ["dog.jpg"]): print(found.to_records())
"""

import importlib

from keras_ssd import config, losses
from keras_ssd.detector.detector import build_detector, class_names
from keras_ssd.inference.photos import detect, detect_to_folder
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
from keras_ssd.presets.presets import list_presets

_LAZY_PACKAGES = ("data", "evaluation", "formats", "serving", "training")

__all__ = [
    "SSD",
    "SSD300",
    "SSD512",
    "SSDMobileNet300",
    "SSDMobileNet320",
    "SSDResNet300",
    "SSDTiny128",
    "build_detector",
    "class_names",
    "config",
    "detect",
    "detect_to_folder",
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
