"""Detectors at work on people's own images."""

from keras_ssd.inference.detect import detect, detect_to_folder
from keras_ssd.inference.load import load_detector

__all__ = ["detect", "detect_to_folder", "load_detector"]
