"""The detector: images in, detections out, in one Keras model."""

from keras_ssd.detector.detector import Detector
from keras_ssd.detector.opening import open_detector

__all__ = ["Detector", "open_detector"]
