"""Trains detectors: runs and their recipes."""

import importlib

# They import Keras, so each is imported when it is asked for.
_LAZY = {
    "RECIPES": "recipes",
    "FolderInUseError": "lock",
    "NonFiniteLossError": "callbacks",
    "Recipe": "recipes",
    "data_parallel": "devices",
    "train": "training",
}

__all__ = [
    "RECIPES",
    "FolderInUseError",
    "NonFiniteLossError",
    "Recipe",
    "data_parallel",
    "train",
]


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(importlib.import_module(f"keras_ssd.training.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'keras_ssd.training' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
