"""Precision, recall and F1 by score, and the score where F1 is highest."""

from dataclasses import dataclass

import numpy as np

from keras_ssd.evaluation.voc import VOCResult


@dataclass(frozen=True, eq=False)
class F1Curves:
    """Precision, recall and F1 when only detections from a score on are kept.

    Attributes:
        scores: float64 (T,), the lowest scores to keep, 0.00, 0.01, ..., 1.00.
        precision: float64 (K, T), the share of the kept detections that are true positives; nan
            where no detection is kept.
        recall: float64 (K, T), the share of the objects that are found; nan without objects.
        f1: float64 (K, T), the harmonic mean of both; 0 where nothing is found, nan without
            objects.
    """

    scores: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray

    @property
    def mean_f1(self) -> np.ndarray:
        """float64 (T,), the mean over the classes with objects; nan if no class has objects."""
        with_objects = ~np.isnan(self.f1[:, 0])
        if not with_objects.any():
            return np.full(len(self.scores), np.nan)
        return self.f1[with_objects].mean(axis=0)

    @property
    def best_score(self) -> float:
        """The score with the highest mean F1; the lowest one of several, 0.5 without objects."""
        mean = self.mean_f1
        return 0.5 if np.isnan(mean).any() else float(self.scores[mean.argmax()])


def f1_curves(result: VOCResult) -> F1Curves:
    """Works out precision, recall and F1 of each class for 101 scores.

    Args:
        result: the result of `evaluate_voc`, with K classes. Its rules say which detections are
            true positives.

    Examples:
        >>> import numpy as np
        >>> from keras_ssd.evaluation import f1_curves
        >>> from keras_ssd.evaluation.voc import ClassResult, VOCResult
        >>> cat = ClassResult(
        ...     "cat", num_objects=2, num_detections=2, ap_11_point=0.5, ap_area=0.5,
        ...     recall=np.array([0.5, 0.5]), precision=np.array([1.0, 0.5]),
        ...     scores=np.array([0.9, 0.4]),
        ... )
        >>> curves = f1_curves(VOCResult((cat,)))
        >>> curves.f1[0, [0, 50, 95]].round(3).tolist(), curves.best_score
        ([0.5, 0.667, 0.0], 0.41)
    """
    scores = np.arange(101) / 100
    precision = np.full((len(result.classes), len(scores)), np.nan)
    recall = np.full_like(precision, np.nan)
    for row, entry in enumerate(result.classes):
        # float32 scores, compared as they are: 0.7 in float32 is below 0.7.
        limits = scores.astype(entry.scores.dtype) if len(entry.scores) else scores
        kept = np.searchsorted(-entry.scores, -limits, side="right")  # (T,)
        some = kept > 0
        precision[row, some] = entry.precision[kept[some] - 1]
        if entry.num_objects:
            recall[row] = 0.0
            recall[row, some] = entry.recall[kept[some] - 1]
    total = np.nan_to_num(precision) + recall
    f1 = 2 * np.nan_to_num(precision) * recall / np.where(total > 0, total, 1.0)
    return F1Curves(scores, precision, recall, f1)
