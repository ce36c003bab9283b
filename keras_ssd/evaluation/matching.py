"""Matches detections with the objects of their image, each object at most once, as COCO does."""

import numpy as np

from keras_ssd.data.sample import Sample
from keras_ssd.geometry import area, intersection, iou
from keras_ssd.results.detections import Detections


def overlaps_of(sample: Sample, found: Detections) -> np.ndarray:
    """Returns how far each detection and each object of an image overlap, whatever their classes.

    Returns:
        float64 (D, M). It is the IoU, in pixels without VOC's last row and column. For a difficult
        object, which is treated as COCO's crowds, it is the share of the detection's own area that
        is inside the object.
    """
    boxes, objects = found.boxes.astype(np.float64), sample.pixel_boxes
    overlaps = iou(boxes, objects)
    if sample.difficult.any():
        own_area = np.maximum(area(boxes)[:, None], 1e-12)
        inside = intersection(boxes, objects) / own_area
        overlaps = np.where(sample.difficult, inside, overlaps)
    return overlaps


def match_objects(
    overlaps: np.ndarray,
    scores: np.ndarray,
    iou_threshold: float,
    optional: np.ndarray,
    repeatable: np.ndarray,
) -> np.ndarray:
    """Returns the object that each detection finds.

    The detections choose in the order of their scores. Each one takes the object with the highest
    overlap that is still free, if the overlap is high enough. It takes an optional object only if
    it can take none of the others.

    Args:
        overlaps: (D, M); 0 where a detection may not take an object, such as one of another class.
        scores: (D,), the scores of the detections; equal scores keep their order.
        iou_threshold: the lowest overlap of a match.
        optional: bool (M,), the objects that do not count, such as difficult ones.
        repeatable: bool (M,), the objects that any number of detections may take.

    Returns:
        int (D,): indices of objects, or -1.

    Examples:
        >>> import numpy as np
        >>> from keras_ssd.evaluation.matching import match_objects
        >>> overlaps, none = np.array([[0.9, 0.6], [0.8, 0.7], [0.7, 0.0]]), np.zeros(2, bool)
        >>> match_objects(overlaps, np.array([0.5, 0.9, 0.1]), 0.5, none, none).tolist()
        [1, 0, -1]
    """
    hits: np.ndarray = np.full(len(scores), -1)
    free: np.ndarray = np.ones(len(optional), bool)
    could_match = np.any(overlaps >= iou_threshold, axis=1)
    for index in np.argsort(-scores, kind="stable"):
        if not could_match[index]:
            continue
        for candidates in (free & ~optional, free & optional):
            if (overlaps[index] * candidates).max() >= iou_threshold:
                hits[index] = (overlaps[index] * candidates).argmax()
                free[hits[index]] = repeatable[hits[index]]
                break
    return hits
