"""Detectors at work on people's own images."""

from keras_ssd.inference.detect import detect, detect_to_folder

__all__ = ["detect", "detect_to_folder"]
