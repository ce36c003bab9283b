"""Which of the objects that a detector finds are wanted: by their class and by their score."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from keras_ssd.results.detections import Detections

Thresholds: TypeAlias = float | Mapping[str, float]
DEFAULT_CONFIDENCE = 0.25
OTHERS = "*"  # means the classes that a mapping does not name


class Selection:
    """The lowest score that is wanted for each class of a detector.

    Args:
        class_names: the K class names of the detector.
        confidence_threshold: the lowest score for all classes; or a mapping from names of classes
            to the lowest score of each. The name "*" means all classes that the mapping does
            not name, which have 0.25 without it.
        classes: the names of the wanted classes; None wants all.

    Attributes:
        lowest: float64 (K,), the lowest wanted score of each class; it is infinite for classes that
            are not wanted.

    Raises:
        ValueError: a threshold is not in [0, 1], or the detector has no class of a name.

    Examples:
        >>> from keras_ssd.inference.selection import Selection
        >>> Selection(("cat", "dog", "car"), {"cat": 0.5, "*": 0.1}, ["cat", "dog"]).lowest.tolist()
        [0.5, 0.1, inf]
    """

    def __init__(
        self,
        class_names: Sequence[str],
        confidence_threshold: Thresholds = DEFAULT_CONFIDENCE,
        classes: Iterable[str] | None = None,
    ):
        check_thresholds(confidence_threshold)
        by_name = confidence_threshold
        if not isinstance(by_name, Mapping):
            by_name = {OTHERS: by_name}
        names = {*by_name} - {OTHERS}
        _check_names("confidence_threshold", names, class_names)
        others = by_name.get(OTHERS, DEFAULT_CONFIDENCE)
        self.lowest = np.array([by_name.get(name, others) for name in class_names], float)
        if classes is not None:
            wanted = {classes} if isinstance(classes, str) else {*classes}
            _check_names("classes", wanted, class_names)
            self.lowest[[name not in wanted for name in class_names]] = np.inf

    def wanted(self, labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Tells which objects are wanted.

        Args:
            labels: int (D,).
            scores: float (D,).

        Returns:
            bool (D,).
        """
        return scores >= self.lowest[labels].astype(scores.dtype)

    def __call__(self, found: Detections) -> Detections:
        """Returns the wanted objects of an image."""
        return found[self.wanted(found.labels, found.scores)]


def check_thresholds(confidence_threshold: Thresholds) -> None:
    """Raises ValueError unless each threshold is in [0, 1]."""
    by_name = confidence_threshold
    if not isinstance(by_name, Mapping):
        by_name = {"": by_name}
    for name, value in by_name.items():
        if not isinstance(value, float | int | np.number) or not 0 <= value <= 1:
            of_class = f" of {name}" if name else ""
            raise ValueError(f"confidence_threshold{of_class}: expected 0 to 1, not {value!r}")


def _check_names(argument, names, class_names):
    for name in names:
        if name not in class_names:
            near = difflib.get_close_matches(name, class_names, n=1)
            meant = f"did you mean {near[0]!r}? It" if near else "it"
            raise ValueError(
                f"{argument}: the detector has no class {name!r}; {meant} has "
                f"{', '.join(class_names)}"
            )
