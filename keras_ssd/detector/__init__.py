"""The detector, a Keras model from images to detections."""

from keras_ssd.detector.detector import Detector
from keras_ssd.detector.opening import open_detector

__all__ = ["Detector", "open_detector"]
