"""Reads the weights of other projects into NumPy arrays."""

from pathlib import Path

from keras_ssd.checkpoints.tensorflow import is_tensorflow_checkpoint

__all__ = ["is_checkpoint"]


def is_checkpoint(path: str | Path) -> bool:
    """Tells by the names of files whether a PyTorch or TensorFlow checkpoint is at a path.

    Examples:
        >>> is_checkpoint("missing.pth")
        False
    """
    path = Path(path)
    if path.is_dir():
        return any(path.glob("model.ckpt*.index"))
    is_torch = path.suffix in (".pth", ".pt") and path.is_file()
    return is_torch or is_tensorflow_checkpoint(path)
