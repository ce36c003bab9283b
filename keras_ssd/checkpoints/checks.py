"""Checks the arrays in a checkpoint, and converts their layout to Keras's."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np


def check_names(arrays: Mapping[str, object], expected: Iterable[str], path: str | Path) -> None:
    """Raises a ValueError that lists the missing and the unexpected names, if there are any."""
    expected = list(expected)
    missing = [name for name in expected if name not in arrays]
    unexpected = sorted(set(arrays) - set(expected))
    problems = [f"lacks {_first_few(missing)}"] if missing else []
    problems += [f"has unexpected {_first_few(unexpected)}"] if unexpected else []
    if problems:
        raise ValueError(f"{path}: {'; '.join(problems)}")


def check_shapes(
    arrays: Mapping[str, np.ndarray], expected: Mapping[str, tuple[int, ...]], path: str | Path
) -> None:
    """Raises a ValueError that lists the arrays that are not floats of the expected shapes."""
    wrong = [
        f"{name} is {arrays[name].dtype} {arrays[name].shape}, not float {shape}"
        for name, shape in expected.items()
        if arrays[name].shape != shape or arrays[name].dtype.kind != "f"
    ]
    if wrong:
        more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ValueError(f"{path}: wrong shapes: {'; '.join(wrong[:5])}{more}")


def keras_layout(tensor: np.ndarray) -> np.ndarray:
    """Converts a tensor from PyTorch's layout to Keras's, in float32.

    Args:
        tensor: a kernel (out, in, height, width), or a vector.

    Returns:
        The kernel as (height, width, in, out), or the vector as it is.
    """
    return np.asarray(tensor.transpose(2, 3, 1, 0) if tensor.ndim == 4 else tensor, np.float32)


def _first_few(names, count=5):
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(ascii(name[:100])[1:-1] for name in names[:count]) + more
