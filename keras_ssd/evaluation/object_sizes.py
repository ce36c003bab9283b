"""Average precision of small, medium and large objects, by COCO's rules, at one IoU."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

import numpy as np

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.matching import match_objects, overlaps_of
from keras_ssd.evaluation.pairing import pair_with_detections
from keras_ssd.evaluation.voc import average_precision_area
from keras_ssd.results.detections import Detections

# The lowest and the highest area of a box, in pixels of the image.
OBJECT_SIZES = {
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, inf),
}


@dataclass(frozen=True)
class SizeResult:
    """How well objects of one size are found.

    Attributes:
        num_objects: the number of objects of this size, without the difficult ones.
        mean_ap: the mean average precision (area) over the classes with such objects; nan without.
        recall: the share of these objects that a detection of any score finds; nan without objects.
    """

    num_objects: int
    mean_ap: float
    recall: float


def precision_by_size(
    detections: Iterable[Detections], data: AnnotatedImages, *, iou_threshold: float = 0.5
) -> dict[str, SizeResult]:
    """Measures each size of object on its own, as COCO's "APs", "APm" and "APl" do.

    Detections of objects of another size are ignored, and so are false positives of another size.
    An object with an area of exactly 32 x 32 or 96 x 96 pixels belongs to both sizes.

    Args:
        detections, data: as in `evaluate_voc`.
        iou_threshold: the lowest IoU of a true positive. (COCO's figures average ten of them.)

    Returns:
        A result for each of the `OBJECT_SIZES`.

    Raises:
        ValueError: detections and data do not fit together, as in `pair_with_detections`.
    """
    pairs = pair_with_detections(data, detections)
    num_classes = len(data.class_names)
    return {
        size: _measure(pairs, num_classes, low, high, iou_threshold)
        for size, (low, high) in OBJECT_SIZES.items()
    }


def _measure(pairs, num_classes, low, high, iou_threshold):
    labels, scores, correct = [], [], []
    objects = np.zeros(num_classes, int)
    for sample, found in pairs:
        counts = _in_range(sample.pixel_boxes, low, high) & ~sample.difficult
        np.add.at(objects, sample.labels[counts], 1)
        overlaps = overlaps_of(sample, found) * (found.labels[:, None] == sample.labels)
        hits = match_objects(overlaps, found.scores, iou_threshold, ~counts, sample.difficult)
        is_correct = np.append(counts, False)[hits]  # -1 means no object: the appended False
        kept = is_correct | ((hits < 0) & _in_range(found.boxes, low, high))
        labels.append(found.labels[kept])
        scores.append(found.scores[kept])
        correct.append(is_correct[kept])
    label, score, is_correct = (np.concatenate(parts) for parts in (labels, scores, correct))
    precisions = []
    for one in np.flatnonzero(objects):
        of_class = np.flatnonzero(label == one)
        ranked = of_class[np.argsort(-score[of_class], kind="stable")]
        precisions.append(average_precision_area(is_correct[ranked], objects[one]))
    total = int(objects.sum())
    return SizeResult(
        num_objects=total,
        mean_ap=float(np.mean(precisions)) if precisions else float("nan"),
        recall=float(is_correct.sum() / total) if total else float("nan"),
    )


def _in_range(boxes, low, high):
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64)
    areas = sides[:, 0] * sides[:, 1]
    return (low <= areas) & (areas <= high)
