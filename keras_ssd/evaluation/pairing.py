"""What was found in each sample: checked once, for every kind of evaluation."""

from collections.abc import Iterable, Sequence

import numpy as np

from keras_ssd.data.sample import Sample
from keras_ssd.results.detections import Detections


def pair_with_detections(
    samples: Iterable[Sample], detections: Iterable[Detections], class_names: Sequence[str]
) -> list[tuple[Sample, Detections]]:
    """Every sample with what was found in it, in the order of the samples.

    Raises:
        ValueError: there is no sample or class; an id stands twice; detections are of an
            unknown image, of another image size or of other classes; a label is no class.
    """
    class_names = tuple(class_names)
    if not class_names:
        raise ValueError("class_names is empty: there is nothing to evaluate")
    by_id = _by_id("samples", ((sample.id, sample) for sample in samples))
    found_by_id = _by_id("detections", ((found.image, found) for found in detections))
    if not by_id:
        raise ValueError("samples is empty: there is nothing to evaluate")
    for image, found in found_by_id.items():
        if image not in by_id:
            raise ValueError(f"detections: image {image!r} is none of the {len(by_id)} samples")
        if tuple(found.size) != tuple(by_id[image].size):
            raise ValueError(
                f"detections of {image!r}: boxes are for an image of (height, width) "
                f"{tuple(found.size)}, but the sample's is {tuple(by_id[image].size)}"
            )
        if tuple(found.class_names) != class_names:
            raise ValueError(
                f"detections of {image!r} are of the classes {tuple(found.class_names)}, "
                f"but class_names is {class_names}"
            )
    for sample in by_id.values():
        _check_labels(f"sample {sample.id!r}", sample.labels, len(class_names))
    return [
        (sample, found_by_id.get(sample.id, _nothing_found(sample, class_names)))
        for sample in by_id.values()
    ]


def _by_id(name, items):
    by_id = {}
    for key, item in items:
        if key in by_id:
            raise ValueError(f"{name}: {key!r} stands there more than once")
        by_id[key] = item
    return by_id


def _check_labels(owner, labels, num_classes):
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise ValueError(f"{owner}: label {wrong[0]} is none of the {num_classes} classes, from 0")


def _nothing_found(sample, class_names):
    boxes, labels = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    return Detections(sample.id, sample.size, boxes, labels, boxes[:, 0], class_names)
