"""The confusion matrix of a detector: which classes it takes for which, with the background."""

from collections.abc import Iterable

import numpy as np

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.matching import match_objects, overlaps_of
from keras_ssd.evaluation.pairing import pair_with_detections
from keras_ssd.results.detections import Detections


def confusion_matrix(
    detections: Iterable[Detections],
    data: AnnotatedImages,
    *,
    score_threshold: float,
    iou_threshold: float = 0.5,
) -> np.ndarray:
    """Counts how often an object of one class is detected as another class.

    First, detections find objects of their own class, the best score first. Then each of the
    detections that are left is paired with an object of another class that is left, the highest
    IoU first. A detection without an object is one of the background; an object without a
    detection is missed. Detections of difficult objects are left out.

    Args:
        detections, data: as in `evaluate_voc`.
        score_threshold: the lowest score of a detection that counts.
        iou_threshold: the lowest IoU of a detection with its object.

    Returns:
        int (K + 1, K + 1). Row r, column c is the number of objects of class r that were detected
        as class c. The last row is the background: its columns count detections where no object
        is. The last column counts the objects that were missed. Its last cell is 0.

    Raises:
        ValueError: detections and data do not fit together, as in `pair_with_detections`.
    """
    background = len(data.class_names)
    counts = np.zeros((background + 1, background + 1), int)
    for sample, found in pair_with_detections(data, detections):
        found = found.above(score_threshold)
        overlaps = overlaps_of(sample, found)
        same_class = found.labels[:, None] == sample.labels
        hard = sample.difficult
        hits = match_objects(overlaps * same_class, found.scores, iou_threshold, hard, hard)
        ignored = np.append(hard, False)[hits]  # -1 means no object, and takes the appended False
        free = ~hard & ~np.isin(np.arange(len(hard)), hits)
        left = overlaps * free * (hits < 0)[:, None]
        while left.max(initial=0.0) >= iou_threshold:
            index, hit = np.unravel_index(left.argmax(), left.shape)
            hits[index] = hit
            free[hit] = False
            left[index, :] = left[:, hit] = 0.0
        classes = np.append(sample.labels, background)[hits]
        np.add.at(counts, (classes[~ignored], found.labels[~ignored]), 1)
        np.add.at(counts[:, background], sample.labels[free], 1)
    return counts
