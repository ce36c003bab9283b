"""SSD (Single Shot MultiBox Detector, Liu et al. 2016) for Keras.

detector = keras_ssd.load_detector("ssd_mobilenet_320_voc")   # or "best.keras", "d.tflite"
for found in detector.detect(["dog.jpg"]):
    print(found.to_records())

model = keras_ssd.SSD300(num_classes=20)                       # the network that trains
detector = keras_ssd.Detector(model, class_names)              # pixels in, detections out

Importing the package is quick, because it loads neither Keras nor TensorFlow: each name below is
loaded when it is first used. `keras_ssd.load_detector` opens every kind of file at any time. Before
`keras.saving.load_model` can open a detector, Keras has to know the classes in the file: import
keras before keras_ssd, or use `keras_ssd.Detector` first.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_ssd import (
        callbacks,
        config,
        data,
        evaluation,
        formats,
        losses,
        optimizers,
        report,
        serving,
        tracking,
        training,
    )
    from keras_ssd.detector import Detector
    from keras_ssd.loading import load_detector
    from keras_ssd.models import (
        SSD,
        SSD300,
        SSD512,
        SSDMobileNet300,
        SSDMobileNet320,
        SSDMobileNetFPN320,
        SSDMobileNetV3Large320,
        SSDResNet300,
        SSDTiny128,
        layers,
    )
    from keras_ssd.presets import list_presets
    from keras_ssd.results import Detections, draw_detections

__version__ = "0.1.0"  # setup.cfg reads it here

__all__ = [
    "SSD",
    "SSD300",
    "SSD512",
    "Detections",
    "Detector",
    "SSDMobileNet300",
    "SSDMobileNet320",
    "SSDMobileNetFPN320",
    "SSDMobileNetV3Large320",
    "SSDResNet300",
    "SSDTiny128",
    "callbacks",
    "config",
    "data",
    "draw_detections",
    "evaluation",
    "formats",
    "layers",
    "list_presets",
    "load_detector",
    "losses",
    "optimizers",
    "report",
    "serving",
    "tracking",
    "training",
]

_MODULE_OF = {
    "Detections": "keras_ssd.results",
    "Detector": "keras_ssd.detector",
    "SSD": "keras_ssd.models",
    "SSD300": "keras_ssd.models",
    "SSD512": "keras_ssd.models",
    "SSDMobileNet300": "keras_ssd.models",
    "SSDMobileNet320": "keras_ssd.models",
    "SSDMobileNetFPN320": "keras_ssd.models",
    "SSDMobileNetV3Large320": "keras_ssd.models",
    "SSDResNet300": "keras_ssd.models",
    "SSDTiny128": "keras_ssd.models",
    "draw_detections": "keras_ssd.results",
    "layers": "keras_ssd.models",
    "list_presets": "keras_ssd.presets",
    "load_detector": "keras_ssd.loading",
}
_OF_KERAS = {
    "keras_ssd.callbacks",
    "keras_ssd.detector",
    "keras_ssd.losses",
    "keras_ssd.models",
    "keras_ssd.optimizers",
    "keras_ssd.training",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'keras_ssd' has no attribute {name!r}")
    module = _MODULE_OF.get(name, f"keras_ssd.{name}")
    if module in _OF_KERAS:
        _register_classes()
    value = importlib.import_module(module)
    if name in _MODULE_OF:
        value = getattr(value, name)
    globals()[name] = value  # so that Python does not ask this function again
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _register_classes():
    """Tells Keras the classes that a saved detector may contain."""
    importlib.import_module("keras_ssd.detector")


if sys.modules.get("keras"):
    _register_classes()
