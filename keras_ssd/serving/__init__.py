"""Detectors on a server."""

from keras_ssd.serving.client import Client

__all__ = ["Client"]
