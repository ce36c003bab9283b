"""The part of a report on an evaluation: figures, curves, errors and images."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.coco import COCO_NUMBERS
from keras_ssd.evaluation.confusion import confusion_matrix
from keras_ssd.evaluation.errors import ERROR_KINDS, count_errors, error_costs, find_errors
from keras_ssd.evaluation.f1 import F1Curves, f1_curves
from keras_ssd.evaluation.image_ranking import worst_and_best
from keras_ssd.evaluation.mean_ap import MeanAP
from keras_ssd.evaluation.object_sizes import SizeResult, precision_by_size
from keras_ssd.evaluation.voc import ClassResult, precision_envelope
from keras_ssd.report.charts import Chart, line_chart
from keras_ssd.report.pictures import Picture, picture

_IMAGES_EACH = 8  # of the worst and of the best
_CONFUSIONS = 10
_SMALL = (160, 135)


@dataclass(frozen=True)
class ClassPart:
    """A class: its figures, and its curves, which are None without objects.

    Attributes:
        result: its result by VOC's rules.
        precision, recall, f1: its figures at the report's score.
        best_f1, best_score: the highest F1, and the lowest score to keep for it.
        curve: the precision-recall curve.
        f1_curve: F1 by score.
    """

    result: ClassResult
    precision: float
    recall: float
    f1: float
    best_f1: float
    best_score: float
    curve: Chart | None
    f1_curve: Chart | None


@dataclass(frozen=True)
class ErrorPart:
    """A kind of error: its meaning, its number from the report's score on, and what it costs."""

    kind: str
    meaning: str
    count: int
    cost: float


@dataclass(frozen=True, eq=False)
class EvaluationPart:
    """What a report says about an evaluation; the template writes it.

    Attributes:
        num_images, num_objects, num_difficult: the sizes of the data set.
        num_skipped: the number of images that could not be read.
        map_11_point, map_area: mAP by VOC's rules.
        coco: COCO's figures as (name, value, meaning), if they were measured.
        score: the lowest score of the detections that count for the confusion matrix, for the
            numbers of errors and for the images.
        mean_f1: the highest mean F1, which is at that score.
        f1_curve: the mean F1 by score; None if there are no objects.
        classes: the classes.
        confusion: int (K + 1, K + 1), the confusion matrix.
        shares: float (K + 1, K + 1), each cell's share of its row, for the shading.
        confusions: the classes that are confused most often: (number, true class, detected class).
        tide_map: mAP by the rules of the error kinds.
        errors: the kinds of errors.
        sizes: the results by size of object.
        worst, best: the images with the worst and with the best detections.
    """

    num_images: int
    num_objects: int
    num_difficult: int
    num_skipped: int
    map_11_point: float
    map_area: float
    coco: list[tuple[str, float, str]]
    score: float
    mean_f1: float
    f1_curve: Chart | None
    classes: list[ClassPart]
    confusion: np.ndarray
    shares: np.ndarray
    confusions: list[tuple[int, str, str]]
    tide_map: float
    errors: list[ErrorPart]
    sizes: dict[str, SizeResult]
    worst: list[Picture]
    best: list[Picture]


def evaluation_part(
    result: MeanAP, data: AnnotatedImages, *, skipped: Collection[str] = ()
) -> EvaluationPart:
    """Works out what a report says about an evaluation.

    Args:
        result: the result of `evaluate_map`.
        data: the annotated images that it was measured on.
        skipped: the ids of the images that could not be read.
    """
    curves = f1_curves(result.voc)
    score = curves.best_score
    mean_f1 = curves.mean_f1
    seen = find_errors([found.above(score) for found in result.detections], data)
    counts = count_errors(seen)
    tide_map, costs = error_costs(find_errors(result.detections, data), len(data.class_names))
    confusion = confusion_matrix(result.detections, data, score_threshold=score)
    worst, best = worst_and_best(seen, _IMAGES_EACH)
    difficult = sum(int(sample.difficult.sum()) for sample in data)
    has_objects = not np.isnan(mean_f1).any()
    return EvaluationPart(
        num_images=len(data),
        num_objects=data.num_objects - difficult,
        num_difficult=difficult,
        num_skipped=len(skipped),
        map_11_point=result.voc.map_11_point,
        map_area=result.voc.map_area,
        coco=[(name, value, COCO_NUMBERS[name]) for name, value in (result.coco or {}).items()],
        score=score,
        mean_f1=float(mean_f1.max()),
        f1_curve=_f1_curve(curves.scores, mean_f1, (360, 220)) if has_objects else None,
        classes=[_class_part(entry, curves, row) for row, entry in enumerate(result.voc.classes)],
        confusion=confusion,
        shares=confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1),
        confusions=_confusions(confusion, data.class_names),
        tide_map=tide_map,
        errors=[
            ErrorPart(kind, meaning, counts[kind], costs[kind])
            for kind, meaning in ERROR_KINDS.items()
        ],
        sizes=precision_by_size(result.detections, data),
        worst=[picture(image, data.class_names) for image in worst],
        best=[picture(image, data.class_names) for image in best],
    )


def _class_part(entry: ClassResult, curves: F1Curves, row: int) -> ClassPart:
    at = int(np.searchsorted(curves.scores, curves.best_score))
    f1 = curves.f1[row]
    best = int(f1.argmax())
    return ClassPart(
        result=entry,
        precision=float(curves.precision[row, at]),
        recall=float(curves.recall[row, at]),
        f1=float(f1[at]),
        best_f1=float(f1[best]),
        best_score=float(curves.scores[best]),
        curve=_precision_recall_curve(entry) if entry.num_objects else None,
        f1_curve=_f1_curve(curves.scores, f1, _SMALL) if entry.num_objects else None,
    )


def _precision_recall_curve(entry):
    # The recall rises only at true positives; other detections would draw vertical lines.
    hits = np.flatnonzero(np.diff(entry.recall, prepend=0.0))
    recall = entry.recall[hits]
    envelope = precision_envelope(entry.precision)[hits]
    area = [(0.0, envelope.max(initial=0.0)), *zip(recall, envelope, strict=True)]
    return line_chart(
        "precision",
        {"": list(zip(recall, entry.precision[hits], strict=True))},
        x_label="recall",
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
        area=area if len(hits) else (),
        size=_SMALL,
    )


def _f1_curve(scores, f1, size):
    return line_chart(
        "F1",
        {"": list(zip(scores, f1, strict=True))},
        x_label="score",
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
        size=size,
    )


def _confusions(confusion, class_names):
    """Returns the most frequent (number, true class, detected class), without the background."""
    wrong = confusion[:-1, :-1] * (1 - np.eye(len(confusion) - 1, dtype=int))
    ranked = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    places = zip(*np.unravel_index(ranked, wrong.shape), strict=True)
    return [
        (int(wrong[row, column]), class_names[row], class_names[column])
        for row, column in places
        if wrong[row, column]
    ]
