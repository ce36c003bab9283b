"""What `check_data` reports: findings, and the counts of splits and classes."""

from dataclasses import asdict, dataclass
from math import isnan

import numpy as np

from keras_ssd import geometry
from keras_ssd.config import SSDConfig
from keras_ssd.data.sample import Sample

MATCHING_IOU = 0.5  # as in `matching.match`


@dataclass(frozen=True)
class Finding:
    """One kind of problem.

    Attributes:
        is_error: whether training would suffer; else it is a warning.
        message: one line with its number.
        examples: every case, a line each.
    """

    is_error: bool
    message: str
    examples: list[str]


@dataclass(frozen=True)
class SplitCounts:
    """What a split holds; unmatched objects overlap no default box by 0.5."""

    name: str
    to_train: bool
    images: int
    images_without_objects: int
    objects: int
    difficult: int
    unmatched: int


@dataclass(frozen=True)
class ClassCounts:
    """Objects of a class, by split in the order of the splits, and over all different images.

    `median_side` is the root of a box's area, in pixels of the image; nan without objects.
    """

    name: str
    objects_by_split: list[int]
    objects: int
    images: int
    median_side: float
    unmatched: int


@dataclass(frozen=True)
class DataReport:
    """What `check_data` found out; images that cannot be read count in `findings` alone.

    Attributes:
        config: whose default boxes the objects were matched with.
        splits, classes: the counts.
        image_sizes: (width, height) in pixels of the image with the smallest, the median and the
            largest area; empty without images.
        box_sides: by percentile, the root of the box's area in pixels of the model's input.
        findings: errors first.
        samples: every different image that can be read; labels index `classes`.
    """

    config: SSDConfig
    splits: list[SplitCounts]
    classes: list[ClassCounts]
    image_sizes: list[tuple[int, int]]
    box_sides: dict[int, float]
    findings: list[Finding]
    samples: list[Sample]

    @property
    def has_errors(self) -> bool:
        return any(finding.is_error for finding in self.findings)

    def to_json(self) -> dict:
        """Plain values that JSON can hold: all but the samples, with None in place of nan."""
        classes = [asdict(entry) for entry in self.classes]
        for entry in classes:
            if isnan(entry["median_side"]):
                entry["median_side"] = None
        return {
            "has_errors": self.has_errors,
            "findings": [asdict(finding) for finding in self.findings],
            "splits": [asdict(split) for split in self.splits],
            "classes": classes,
            "image_sizes": self.image_sizes,
            "model": {"name": self.config.name, "image_size": self.config.image_size},
            "box_sides": self.box_sides,
        }


def count_split(name, to_train, images, samples, ious) -> SplitCounts:
    """Counts a split, given the indices of its images.

    `ious` has a float (M,) for each sample: its objects' largest overlaps with a default box.
    """
    chosen = [samples[index] for index in images]
    return SplitCounts(
        name=name,
        to_train=to_train,
        images=len(chosen),
        images_without_objects=sum(not len(sample.boxes) for sample in chosen),
        objects=sum(len(sample.boxes) for sample in chosen),
        difficult=sum(int(sample.difficult.sum()) for sample in chosen),
        unmatched=sum(int((ious[index] < MATCHING_IOU).sum()) for index in images),
    )


def count_classes(class_names, samples, ious, splits) -> list[ClassCounts]:
    """Counts each class; `splits` are lists of indices of samples, `ious` as in `count_split`."""
    count = len(class_names)
    per_image = np.array([np.bincount(s.labels, minlength=count) for s in samples], int)
    per_image = per_image.reshape(len(samples), count)
    labels = np.concatenate([np.zeros(0, int), *(sample.labels for sample in samples)])
    sides = np.concatenate([np.zeros(0), *(geometry.area(s.pixel_boxes) ** 0.5 for s in samples)])
    unmatched = np.concatenate([np.zeros(0), *ious]) < MATCHING_IOU
    return [
        ClassCounts(
            name=name,
            objects_by_split=[int(per_image[images, label].sum()) for images in splits],
            objects=int(per_image[:, label].sum()),
            images=int((per_image[:, label] > 0).sum()),
            median_side=float(np.median(sides[of_class])) if of_class.any() else float("nan"),
            unmatched=int(unmatched[of_class].sum()),
        )
        for label, name in enumerate(class_names)
        for of_class in [labels == label]
    ]
