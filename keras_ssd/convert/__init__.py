"""Converts checkpoints of other projects to SSDs."""

from collections.abc import Iterable
from pathlib import Path

from keras_ssd.checkpoints.tensorflow import is_tensorflow_checkpoint
from keras_ssd.checkpoints.torch_names import TORCH_SOURCES
from keras_ssd.convert.tensorflow import convert_tensorflow_checkpoint
from keras_ssd.convert.torch import convert_torch_checkpoint
from keras_ssd.models.ssd import SSD

__all__ = ["convert_checkpoint"]


def convert_checkpoint(
    path: str | Path,
    source: str = "auto",
    class_names: Iterable[str] | None = None,
    boxes: str | None = None,
) -> tuple[SSD, tuple[str, ...]]:
    """Returns the SSD in a checkpoint of PyTorch or TensorFlow, and its class names.

    Args:
        path: the path of a file that PyTorch saved, or a path for `read_tensorflow_checkpoint`.
        source: "tensorflow", a source of `convert_torch_checkpoint`, or "auto", which finds the
            source from the file and the names in it.
        class_names: the K class names, or None for those of VOC or COCO, if K fits.
        boxes: the data set of the default boxes, as in `convert_torch_checkpoint`; only for
            PyTorch.

    Raises:
        ValueError: an argument is wrong, or the checkpoint does not contain an SSD of the source.
    """
    if source not in ("auto", *TORCH_SOURCES, "tensorflow"):
        raise ValueError(
            f"source: expected auto, {', '.join(TORCH_SOURCES)} or tensorflow, not {source!r}"
        )
    if source == "tensorflow" or (source == "auto" and is_tensorflow_checkpoint(path)):
        if boxes is not None:
            raise ValueError("boxes: a TensorFlow checkpoint has default boxes of its own")
        return convert_tensorflow_checkpoint(path, class_names)
    return convert_torch_checkpoint(path, source, class_names, boxes)
