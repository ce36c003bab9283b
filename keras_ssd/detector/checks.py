"""Checks of the arguments of a `Detector`; each raises a ValueError that names the argument."""

from collections.abc import Iterable
from numbers import Real

from keras_ssd.classes import checked_class_names
from keras_ssd.inference.thresholds import MAX_DETECTIONS
from keras_ssd.models.ssd import SSD
from keras_ssd.terminal import counted


def class_names(names: Iterable[str], ssd: SSD) -> tuple[str, ...]:
    """Returns the class names, one for each foreground class of the SSD."""
    if not isinstance(ssd, SSD):
        raise ValueError(f"ssd: expected an SSD, as SSD300() returns it, not {ssd!r}")
    checked = checked_class_names(names)
    if len(checked) != ssd.num_classes:
        raise ValueError(
            f"class_names: {counted(len(checked), 'name')} given, but model {ssd.name!r} has "
            f"{counted(ssd.num_classes, 'foreground class', 'foreground classes')}"
        )
    return checked


def share(name: str, value: float) -> float:
    """Returns the value as a threshold, after a check that it is from 0 to 1."""
    if not isinstance(value, Real) or not 0 <= value <= 1:
        raise ValueError(f"{name}: expected 0 to 1, not {value!r}")
    return float(value)


def count(name: str, value: int) -> int:
    """Returns the value as a count, after a check that it is from 1 to MAX_DETECTIONS."""
    if not isinstance(value, Real) or not 1 <= value <= MAX_DETECTIONS or value != int(value):
        raise ValueError(f"{name}: expected a count from 1 to {MAX_DETECTIONS}, not {value!r}")
    return int(value)
