"""Pairs annotated images with their detections, and checks them for every kind of evaluation."""

from collections.abc import Iterable

import numpy as np

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample
from keras_ssd.results.detections import Detections
from keras_ssd.terminal import counted


def pair_with_detections(
    data: AnnotatedImages, detections: Iterable[Detections]
) -> list[tuple[Sample, Detections]]:
    """Returns every sample with its detections, in the order of the samples.

    Raises:
        ValueError: there are no images or no class names; two detections have the same image;
            detections have an unknown image, another image size or other classes.
    """
    if not len(data):
        raise ValueError("data: there are no images; expected at least one")
    if not data.class_names:
        raise ValueError("data: there are no class names; expected at least one")
    sample_of = {sample.id: sample for sample in data}
    found_in: dict[str, Detections] = {}
    for found in detections:
        if found.image in found_in:
            raise ValueError(f"detections: image {found.image!r} comes twice")
        if found.image not in sample_of:
            raise ValueError(
                f"detections: image {found.image!r} is not one of the {counted(len(data), 'image')}"
            )
        _check(found, sample_of[found.image], data.class_names)
        found_in[found.image] = found
    return [
        (sample, found_in.get(sample.id, _nothing_found(sample, data.class_names)))
        for sample in data
    ]


def _check(found, sample, class_names):
    name = f"detections of {found.image!r}"
    if tuple(found.size) != tuple(sample.size):
        raise ValueError(
            f"{name}: boxes are for an image of (height, width) {tuple(found.size)}, but the "
            f"sample's is {tuple(sample.size)}"
        )
    if tuple(found.class_names) != class_names:
        raise ValueError(
            f"{name} are of the classes {tuple(found.class_names)}, but the data's are "
            f"{class_names}"
        )


def _nothing_found(sample, class_names):
    boxes, labels = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    return Detections(sample.id, sample.size, boxes, labels, boxes[:, 0], class_names)
