"""Checks the outputs of the signatures of a detector's SavedModel before they are used.

The outputs may come from a file or a server with another model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_ssd.classes import checked_class_names

# The signatures that take one input of B elements, and the name of that input.
PREDICT_IMAGES = ("predict_images", "images")
PREDICT_BYTES = ("predict_bytes", "image_bytes")
DESCRIBE = ("describe", "anything")

_WHOLE_NUMBERS, _NUMBERS = "iu", "iuf"  # NumPy's kinds of dtypes


@dataclass(frozen=True)
class Description:
    """The description of its detector in a SavedModel.

    Attributes:
        class_names: the K class names.
        image_size: the side, in pixels, of the square images that the network works on.
        confidence_threshold, iou_threshold, max_detections: as in `keras_ssd.Detector`.
    """

    class_names: tuple[str, ...]
    image_size: int
    confidence_threshold: float
    iou_threshold: float
    max_detections: int


def checked_description(values: Mapping[str, Any]) -> Description:
    """Reads the description from plain values, as in a JSON file.

    Raises:
        ValueError: a value is missing, or a detector cannot have it.
    """
    return Description(
        checked_class_names(_value(values, "class_names")),
        _whole_number(values, "image_size"),
        _share(values, "confidence_threshold"),
        _share(values, "iou_threshold"),
        _whole_number(values, "max_detections"),
    )


def description_output(outputs: Mapping[str, Any]) -> Description:
    """Reads the description from the outputs of "describe" for one element.

    Raises:
        ValueError: an output is missing, or a detector cannot have it.
    """
    (class_names,) = names_output(outputs, 1)
    first = {name: values[0] for name, values in outputs.items() if _is_of_length(values, 1)}
    return checked_description({**first, "class_names": class_names})


def detections_output(
    outputs: Mapping[str, Any], batch: int, num_classes: int
) -> dict[str, np.ndarray]:
    """Reads the detections from the outputs of "predict_images" or "predict_bytes".

    Args:
        outputs: arrays or nested lists by name, with one element for each image.
        batch: B, the number of images.
        num_classes: K, the number of the detector's classes.

    Returns:
        The dictionary of `ObjectDetector.predict_on_batch`, but with `num_detections` -1 for an
        image that could not be decoded.

    Raises:
        ValueError: an output is missing, has another shape or type, or has impossible values, such
            as NaN or a label without a class.
    """
    found = {
        "num_detections": _array(outputs, "num_detections", (batch,), _WHOLE_NUMBERS),
        "labels": _array(outputs, "labels", (batch, None), _WHOLE_NUMBERS),
    }
    rows = found["labels"].shape[1]
    found["scores"] = _array(outputs, "scores", (batch, rows), _NUMBERS)
    found["boxes"] = _array(outputs, "boxes", (batch, rows, 4), _NUMBERS)
    _check_range("num_detections", found["num_detections"], -1, rows)
    _check_range("labels", found["labels"], -1, num_classes - 1)
    _check_range("scores", found["scores"], 0, 1)
    _check_range("boxes", found["boxes"], 0, 1)
    is_detection = np.arange(rows) < found["num_detections"][:, None]
    if ((found["labels"] >= 0) != is_detection).any():
        raise ValueError("labels: expected a class in num_detections rows, and -1 in the others")
    types = {"scores": np.float32, "boxes": np.float32}
    return {name: values.astype(types.get(name, np.int32)) for name, values in found.items()}


def names_output(outputs: Mapping[str, Any], batch: int) -> list[tuple[str, ...]]:
    """Reads the class names in the outputs for each image, as text.

    Raises:
        ValueError: the names are missing, or they cannot be class names.
    """
    rows = _value(outputs, "class_names")
    if not _is_of_length(rows, batch) or not all(_is_of_length(row, None) for row in rows):
        raise ValueError(f"class_names: expected {batch} lists of names")
    return [checked_class_names([_text(name) for name in row]) for row in rows]


def _array(outputs, name, shape, kinds):
    values = _value(outputs, name)
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        array = np.asarray(None)
    fits = len(array.shape) == len(shape) and all(
        expected in (None, given) for given, expected in zip(array.shape, shape, strict=True)
    )
    if not fits or array.dtype.kind not in kinds:
        kind = "whole numbers" if kinds == _WHOLE_NUMBERS else "numbers"
        sides = ", ".join("any" if side is None else str(side) for side in shape)
        raise ValueError(f"{name}: expected {kind} of shape ({sides})")
    return array


def _check_range(name, values, low, high):
    if not ((values >= low) & (values <= high)).all():  # NaN fails too
        raise ValueError(f"{name}: expected {low} to {high}")


def _value(values, name):
    if name not in values:
        raise ValueError(f"{name} is missing")
    return values[name]


def _whole_number(values, name):
    value = _value(values, name)
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name}: expected a whole number from 1, not {value!r}")
    return int(value)


def _share(values, name):
    value = _value(values, name)
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        raise ValueError(f"{name}: expected 0 to 1, not {value!r}")
    return float(value)


def _is_of_length(values, length):
    return isinstance(values, list | np.ndarray) and length in (None, len(values))


def _text(name):
    return name.decode() if isinstance(name, bytes) else name
