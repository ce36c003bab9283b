"""Weights of other projects, read into NumPy arrays."""

from pathlib import Path

from keras_ssd.checkpoints.tensorflow import is_tensorflow_checkpoint

__all__ = ["is_checkpoint"]


def is_checkpoint(path: str | Path) -> bool:
    """Tells by the names of the files whether a path looks like a PyTorch or TensorFlow checkpoint.

    Example:
        >>> is_checkpoint("ssd300.pth")
        True
    """
    path = Path(path)
    if path.is_dir():
        return any(path.glob("model.ckpt*.index"))
    return path.suffix in (".pth", ".pt") or is_tensorflow_checkpoint(path)
