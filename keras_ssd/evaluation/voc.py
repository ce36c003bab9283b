"""Average precision by the rules of the PASCAL VOC devkit."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.pairing import pair_with_detections
from keras_ssd.geometry import iou
from keras_ssd.results.detections import Detections


@dataclass(frozen=True)
class ClassResult:
    """The result for one class.

    Attributes:
        name: the class's name.
        num_objects: the number of annotated objects, without the difficult ones.
        num_detections: the number of detections, including those that were ignored because they
            belong to a difficult object.
        ap_11_point: the average precision of VOC2007; nan without objects.
        ap_area: the average precision of VOC2010 and later; nan without objects.
        recall, precision: float64 (R,), the values after each detection that counts, from the best
            score to the lowest; recall is nan without objects.
        scores: (R,), the scores of these detections.
    """

    name: str
    num_objects: int
    num_detections: int
    ap_11_point: float
    ap_area: float
    recall: np.ndarray
    precision: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class VOCResult:
    """The results for all classes.

    Attributes:
        classes: a result for each class, in the order of the class names.
        map_11_point, map_area: the means of the average precisions over the classes with objects;
            nan if there are no objects.
    """

    classes: tuple[ClassResult, ...]

    @property
    def map_11_point(self) -> float:
        return _mean([result.ap_11_point for result in self.classes if result.num_objects])

    @property
    def map_area(self) -> float:
        return _mean([result.ap_area for result in self.classes if result.num_objects])


def evaluate_voc(
    detections: Iterable[Detections],
    data: AnnotatedImages,
    *,
    iou_threshold: float = 0.5,
) -> VOCResult:
    """Scores detections against the annotated objects.

    Each detection is compared with the object of its class with which it has the highest IoU,
    including difficult objects. If that IoU is high enough, it is a detection of this object. The
    detection of an object with the best score is a true positive; the others are false positives.
    Detections of a difficult object are ignored. All other detections are false positives. Equal
    scores are ranked in the order of the images.

    Args:
        detections: at most one Detections for each image; its `image` is the sample's id. An image
            without one is treated as an image without detections.
        data: the annotated images, with the class names of the detections.
        iou_threshold: the lowest IoU of a true positive. As in VOC, a box includes the pixels of
            its last row and column.

    Raises:
        ValueError: detections and data do not fit together, as in `pair_with_detections`.

    Source: VOC devkit; Caffe detection_evaluate_layer.cpp.
    """
    if not 0 < iou_threshold <= 1:
        raise ValueError(f"iou_threshold must be above 0 and at most 1, not {iou_threshold}")
    pairs = pair_with_detections(data, detections)

    object_labels = np.concatenate([sample.labels for sample, _ in pairs])
    difficult = np.concatenate([sample.difficult for sample, _ in pairs])
    labels = np.concatenate([found.labels for _, found in pairs])
    scores = np.concatenate([found.scores for _, found in pairs])
    hits = _objects_hit(pairs, iou_threshold)

    classes = []
    for label, name in enumerate(data.class_names):
        of_class = np.flatnonzero(labels == label)
        ranked = of_class[np.argsort(-scores[of_class], kind="stable")]
        ignored = np.append(difficult, False)[hits[ranked]]  # -1, no object, takes the False
        true_positives = _true_positives(hits[ranked][~ignored])
        num_objects = int(np.sum((object_labels == label) & ~difficult))
        counted_scores = scores[ranked][~ignored]
        classes.append(
            _class_result(name, num_objects, len(ranked), true_positives, counted_scores)
        )
    return VOCResult(tuple(classes))


def average_precision_11_point(true_positives: np.ndarray, num_objects: int) -> float:
    """Averages the best precision at or beyond each of the recalls 0, 0.1, ..., 1.

    Args:
        true_positives: bool (R,), whether each detection is a true positive, best score first.
        num_objects: the number of objects that could be found.

    Returns:
        The average precision of VOC2007; nan without objects.
    """
    if not num_objects:
        return float("nan")
    found = np.cumsum(true_positives)
    precision = _precision(true_positives)
    # Whole numbers: in floating point, a recall of 3/5 falls short of the point 0.6.
    points = [precision[10 * found >= tenths * num_objects] for tenths in range(11)]
    return float(sum(point.max(initial=0.0) for point in points) / 11)


def average_precision_area(true_positives: np.ndarray, num_objects: int) -> float:
    """Returns the area below the precision envelope: the average precision of VOC2010 and later.

    Args:
        true_positives, num_objects: as in `average_precision_11_point`.

    Returns:
        The average precision; nan without objects.
    """
    if not num_objects:
        return float("nan")
    # Recall grows by 1 / num_objects at each true positive and nowhere else.
    envelope = precision_envelope(_precision(true_positives))
    return float(envelope[true_positives].sum() / num_objects)


def precision_envelope(precision: np.ndarray) -> np.ndarray:
    """Returns the best precision at each place of the ranking or after it, (R,)."""
    return np.maximum.accumulate(precision[::-1])[::-1]


def _objects_hit(pairs, iou_threshold):
    """Returns each detection's object, as an index into the objects of all samples, or -1."""
    hits, num_objects = [], 0
    for sample, found in pairs:
        hits.append(np.full(len(found), -1))
        if len(sample.labels):
            overlaps = iou(_with_last_pixel(found.boxes), _with_last_pixel(sample.pixel_boxes))
            overlaps[found.labels[:, None] != sample.labels] = 0.0  # (D, M)
            enough = overlaps.max(axis=1) >= iou_threshold
            hits[-1][enough] = num_objects + overlaps.argmax(axis=1)[enough]
        num_objects += len(sample.labels)
    return np.concatenate(hits)


def _with_last_pixel(boxes):
    return boxes + np.array([0.0, 0.0, 1.0, 1.0])


def _true_positives(hits):
    """Returns flags (R,) of ranked detections with these objects, or -1 for no object."""
    true_positives = np.zeros(len(hits), bool)
    true_positives[np.unique(hits, return_index=True)[1]] = True  # the first hit of each object
    return true_positives & (hits >= 0)


def _class_result(name, num_objects, num_detections, true_positives, scores):
    found = np.cumsum(true_positives)
    return ClassResult(
        name=name,
        num_objects=num_objects,
        num_detections=num_detections,
        ap_11_point=average_precision_11_point(true_positives, num_objects),
        ap_area=average_precision_area(true_positives, num_objects),
        recall=found / num_objects if num_objects else np.full(len(found), np.nan),
        precision=_precision(true_positives),
        scores=scores,
    )


def _precision(true_positives):
    return np.cumsum(true_positives) / np.arange(1, len(true_positives) + 1)


def _mean(values):
    return float(np.mean(values)) if values else float("nan")
