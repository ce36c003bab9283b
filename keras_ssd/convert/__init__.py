"""Checkpoints of other projects, made into SSDs."""

from collections.abc import Sequence
from pathlib import Path

from keras_ssd.checkpoints.tensorflow import is_tensorflow_checkpoint
from keras_ssd.convert.tensorflow import convert_tensorflow_checkpoint
from keras_ssd.convert.torch import convert_torch_checkpoint
from keras_ssd.models.ssd import SSD

__all__ = ["convert_checkpoint"]


def convert_checkpoint(
    path: str | Path, source: str = "auto", class_names: Sequence[str] | None = None
) -> tuple[SSD, tuple[str, ...]]:
    """The SSD in a checkpoint of PyTorch or TensorFlow, and its class names.

    Args:
        path: the checkpoint.
        source: "tensorflow", a source of `convert_torch_checkpoint`, or "auto", which tells the
            source by the file and the names in it.
        class_names: the K class names, or None for those that belong to K.
    """
    if source == "tensorflow" or (source == "auto" and is_tensorflow_checkpoint(path)):
        return convert_tensorflow_checkpoint(path, class_names)
    return convert_torch_checkpoint(path, source, class_names)
