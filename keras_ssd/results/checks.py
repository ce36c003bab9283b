"""Checks of the values in `Detections`; each raises a ValueError that names the value."""

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

_RECORD_KEYS = ("image", "label", "score", "box")


def class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Returns the names as a tuple."""
    if not isinstance(names, str):
        names = tuple(names)
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ValueError(f"class_names: expected a list of names, not {names!r}")
    return names


def size(values: Iterable[int]) -> tuple[int, int]:
    """Returns the (height, width) as whole numbers of pixels."""
    try:
        height, width = map(operator.index, values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"size: expected (height, width) in pixels, not {values!r}") from error
    if height < 1 or width < 1:
        raise ValueError(f"size: expected 1 pixel or more, not {height} x {width} (height x width)")
    return height, width


def floats(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the values as float32 of this shape, all finite."""
    try:
        array = np.asarray(values, np.float32)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: expected numbers of the shape {shape} ({error})") from error
    if not array.size and 0 in shape:
        array = array.reshape(shape)  # an empty list
    if array.shape != shape:
        raise ValueError(f"{name}: expected the shape {shape}, not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, not {array[~np.isfinite(array)][0]}")
    return array


def labels(values: Any, count: int, num_classes: int = 1 << 31) -> np.ndarray:
    """Returns the labels as int32 (count,), from 0 to num_classes - 1."""
    array = np.asarray(values)
    if array.shape != (count,):
        raise ValueError(f"labels: expected the shape {(count,)}, not {array.shape}")
    if count and array.dtype.kind not in "iu":
        raise ValueError(f"labels: expected whole numbers, not {array.dtype}")
    if count and not (array.min() >= 0 and array.max() < num_classes):
        raise ValueError(
            f"labels: expected 0 to {num_classes - 1}, not {array.min()} to {array.max()}"
        )
    return array.astype(np.int32)


def moment(frame: Any, time: Any) -> dict[str, Any]:
    """Returns a frame's number, 0 or more, and its time in seconds; both None for a still image."""
    if (frame is None) != (time is None):
        raise ValueError(f"frame, time: expected both or neither, not {frame!r} and {time!r}")
    if frame is None:
        return {"frame": None, "time": None}
    try:
        frame, time = operator.index(frame), float(time)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"frame, time: expected a whole number and seconds, not {frame!r} and {time!r}"
        ) from error
    if frame < 0 or not math.isfinite(time):
        raise ValueError(
            f"frame, time: expected 0 or more and finite seconds, not {frame} and {time}"
        )
    return {"frame": frame, "time": time}


def track_ids(values: Any, count: int) -> np.ndarray | None:
    """Returns the track ids as int32 (count,), -1 or more; None if there are none."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.shape != (count,):
        raise ValueError(f"track_ids: expected the shape {(count,)}, not {array.shape}")
    if count and (array.dtype.kind not in "iu" or array.min() < -1):
        raise ValueError(f"track_ids: expected whole numbers from -1 on, not {array.tolist()}")
    return array.astype(np.int32)


def record(values: Mapping[str, Any], image: str, frame: int | None, names: Sequence[str]) -> None:
    """Checks one record of `Detections.to_records`, except its numbers."""
    missing = [key for key in _RECORD_KEYS if key not in values]
    if missing:
        raise ValueError(f"record {values}: {', '.join(missing)} is missing")
    if values["image"] != image:
        raise ValueError(f"record {values}: expected a record of the image {image!r}")
    if values.get("frame") != frame:
        raise ValueError(f"record {values}: expected a record of the frame {frame}")
    if values["label"] not in names:
        raise ValueError(f"record {values}: its label is not in class_names ({', '.join(names)})")


def selection(index: Any, labels: np.ndarray, names: Sequence[str]) -> slice | np.ndarray:
    """Returns the slice or array that selects, from an array (D,), the objects that `index` means.

    Raises:
        ValueError: the index is a name that is not one of the class names.
        IndexError: the index is of another type or shape.
    """
    if isinstance(index, slice):
        return index
    if isinstance(index, str):
        if index not in names:
            raise ValueError(f"{index!r}: expected one of the class names {', '.join(names)}")
        return labels == names.index(index)
    array = np.asarray(index)
    if array.shape == (0,) and array.dtype == float:  # an empty list
        return array.astype(int)
    if array.ndim != 1 or array.dtype.kind not in "iub":
        raise IndexError(
            "expected a position, a class name, a slice, a mask or positions, "
            f"not {type(index).__name__} {array.dtype} {array.shape}"
        )
    return array
