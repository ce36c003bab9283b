"""The errors of a detector, told apart as TIDE does, and the mAP that each kind costs.

Source: Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample
from keras_ssd.evaluation.matching import match_objects, overlaps_of
from keras_ssd.evaluation.pairing import pair_with_detections
from keras_ssd.evaluation.voc import average_precision_area
from keras_ssd.results.detections import Detections

ERROR_KINDS = {
    "class": "the box fits an object, but the class is wrong",
    "location": "the class is right, but the box fits its object badly",
    "both": "the class is wrong, and the box fits its object badly",
    "duplicate": "the object was found already, by a detection with a higher score",
    "background": "there is no object",
    "missed": "no detection finds the object, not even with the wrong class or place",
}
_LEAST_OVERLAP = 0.1  # a detection with less overlap than this is on the background


@dataclass(frozen=True, eq=False)
class ImageErrors:
    """What became of the detections and of the objects of one image.

    Attributes:
        sample: the image with its M objects.
        found: its D detections.
        kinds: D texts: a kind of `ERROR_KINDS` other than "missed", or "correct", or "ignored" for
            a detection of a difficult object.
        objects: int (D,), the object that each detection finds or, after a class, location or
            duplicate error, the object that it should have found; -1 for the others.
        unfound: bool (M,), whether no correct detection finds an object that is not difficult.
        missed: bool (M,), the unfound objects that no class or location error is about.
    """

    sample: Sample
    found: Detections
    kinds: tuple[str, ...]
    objects: np.ndarray
    unfound: np.ndarray
    missed: np.ndarray

    def count(self, kind: str) -> int:
        """Returns the number of errors of a kind, or of "correct" or "ignored" detections."""
        return int(self.missed.sum()) if kind == "missed" else self.kinds.count(kind)


def find_errors(
    detections: Iterable[Detections], data: AnnotatedImages, *, iou_threshold: float = 0.5
) -> list[ImageErrors]:
    """Finds out what is wrong with each detection that is not correct.

    A detection is correct if it finds an object of its class with a sufficient IoU; each object is
    found once. The first of these descriptions that fits any other detection is its kind of error:
    location (its highest IoU with an object of its class is 0.1 or more, and not above the
    threshold), class (its IoU with an object of another class reaches the threshold), duplicate
    (its IoU with an object of its class reaches the threshold), background (all its IoUs are below
    0.1), both (what is left).

    Args:
        detections, data: as in `evaluate_voc`.
        iou_threshold: the lowest IoU of a correct detection.

    Returns:
        What became of each image, in the order of the images.

    Raises:
        ValueError: detections and data do not fit together, as in `pair_with_detections`.
    """
    if not _LEAST_OVERLAP < iou_threshold <= 1:
        raise ValueError(f"iou_threshold must be above 0.1 and at most 1, not {iou_threshold}")
    return [
        _find(sample, found, iou_threshold)
        for sample, found in pair_with_detections(data, detections)
    ]


def _find(sample, found, iou_threshold):
    overlaps = overlaps_of(sample, found)  # (D, M)
    same_class = found.labels[:, None] == sample.labels
    hard = sample.difficult
    hits = match_objects(overlaps * same_class, found.scores, iou_threshold, hard, hard)
    unfound = ~hard & ~np.isin(np.arange(len(hard)), hits)

    overlaps = overlaps * ~hard
    objects, kinds, missed = hits.copy(), [], unfound.copy()
    for index, hit in enumerate(hits):
        if hit >= 0:
            kinds.append("ignored" if hard[hit] else "correct")
            continue
        kind, objects[index] = _kind(overlaps[index], same_class[index], iou_threshold)
        kinds.append(kind)
        if kind in ("class", "location"):
            missed[objects[index]] = False
    return ImageErrors(sample, found, tuple(kinds), objects, unfound, missed)


def _kind(overlaps, same_class, iou_threshold):
    """Returns (kind, object) of a detection with these overlaps (M,) that is not correct."""
    if overlaps.max(initial=0.0) < _LEAST_OVERLAP:
        return "background", -1
    own, other = overlaps * same_class, overlaps * ~same_class
    if _LEAST_OVERLAP <= own.max() <= iou_threshold:
        return "location", own.argmax()
    if other.max() >= iou_threshold:
        return "class", other.argmax()
    if own.max() >= iou_threshold:
        return "duplicate", own.argmax()
    return "both", -1


def count_errors(images: Iterable[ImageErrors]) -> dict[str, int]:
    """Returns the number of errors of each of the `ERROR_KINDS` in all images."""
    total = Counter()
    for image in images:
        total.update({kind: image.count(kind) for kind in ERROR_KINDS})
    return {kind: total[kind] for kind in ERROR_KINDS}


def error_costs(images: Sequence[ImageErrors], num_classes: int) -> tuple[float, dict[str, float]]:
    """Returns mAP, and how much higher it would be without the errors of each kind.

    Without class and location errors, the best of the detections that should have found an object
    finds it, and the others do not exist. Detections with another error do not exist, and neither
    do missed objects. One kind is mended at a time, so the costs do not add up to 1 - mAP.

    Args:
        images: the errors of all detections, also of those with low scores.
        num_classes: K, the number of classes.

    Returns:
        mAP (the area below the precision envelope, mean over the classes with objects), and the
        cost of each of the `ERROR_KINDS`; nan if there are no objects.
    """
    points, objects, lost = _points(images, num_classes)
    with_objects = np.flatnonzero(objects)
    mean_ap = _mean_ap(points, objects, with_objects)
    costs = {}
    for kind in ERROR_KINDS:
        if kind == "missed":
            mended = _mean_ap(points, objects - lost, with_objects)
        else:
            mended = _mean_ap(_mend(points, kind), objects, with_objects)
        # Only TIDE's own rule can make a mended detector worse, by the order of equal scores.
        costs[kind] = max(mended - mean_ap, 0.0) if len(with_objects) else float("nan")
    return mean_ap, costs


def _points(images, num_classes):
    """Returns the detections that count as columns, and objects and missed objects by class.

    The columns: "label", "score", "kind", and "mended", the label that a detection has when its
    error is mended, or -1 if it does not exist then.
    """
    columns = {"label": [], "score": [], "kind": [], "mended": []}
    objects, lost = np.zeros(num_classes, int), np.zeros(num_classes, int)
    for image in images:
        sample, found = image.sample, image.found
        np.add.at(objects, sample.labels[~sample.difficult], 1)
        np.add.at(lost, sample.labels[image.missed], 1)
        mended = np.full(len(found), -1)
        still_unfound = image.unfound.copy()
        for index in np.argsort(-found.scores, kind="stable"):
            wanted = image.objects[index]
            if image.kinds[index] in ("class", "location") and still_unfound[wanted]:
                mended[index] = sample.labels[wanted]
                still_unfound[wanted] = False
        kinds = np.array(image.kinds, "U10")
        counts = kinds != "ignored"
        for name, values in zip(columns, (found.labels, found.scores, kinds, mended), strict=True):
            columns[name].append(values[counts])
    return {name: np.concatenate(parts) for name, parts in columns.items()}, objects, lost


def _mend(points, kind):
    of_kind = points["kind"] == kind
    label = np.where(of_kind, points["mended"], points["label"])
    mended = points | {"label": label, "kind": np.where(of_kind, "correct", points["kind"])}
    return {name: values[label >= 0] for name, values in mended.items()}


def _mean_ap(points, objects, with_objects):
    correct = points["kind"] == "correct"
    precisions = []
    for label in with_objects:
        of_class = np.flatnonzero(points["label"] == label)
        ranked = of_class[np.argsort(-points["score"][of_class], kind="stable")]
        if objects[label]:
            precisions.append(average_precision_area(correct[ranked], objects[label]))
        else:  # all its objects were missed, and now there are none
            precisions.append(0.0 if len(ranked) else 1.0)
    return float(np.mean(precisions)) if precisions else float("nan")
