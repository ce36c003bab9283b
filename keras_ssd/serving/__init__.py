"""The client of detectors on TensorFlow Serving."""

from keras_ssd.serving.client import Client

__all__ = ["Client"]
