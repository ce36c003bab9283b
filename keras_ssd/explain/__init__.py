"""Follows one photo through an SSD, step by step, in pictures."""

from keras_ssd.explain.following import Followed, follow
from keras_ssd.explain.page import explain

__all__ = ["Followed", "explain", "follow"]
