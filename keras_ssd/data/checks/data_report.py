"""The report of `check_data`: findings, and the counts of splits and classes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import isnan

import numpy as np

from keras_ssd import geometry
from keras_ssd.config import MATCHING_IOU, SSDConfig
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.checks.splits import Split


@dataclass(frozen=True)
class Finding:
    """One kind of problem.

    Attributes:
        is_error: True if training would suffer; False for a warning.
        message: one line with the number of cases.
        examples: one line for each case.
    """

    is_error: bool
    message: str
    examples: list[str]


@dataclass(frozen=True)
class SplitCounts:
    """The counts of a split. Unmatched objects do not have an IoU of 0.5 with any default box."""

    name: str
    to_train: bool
    images: int
    images_without_objects: int
    objects: int
    difficult: int
    unmatched: int


@dataclass(frozen=True)
class ClassCounts:
    """The counts of a class.

    Attributes:
        name: the name of the class.
        objects_by_split: the number of its objects in each split.
        objects: the number of its objects in all different images.
        objects_to_train: the number of its objects in the different images of training splits.
        images: the number of images with an object of the class.
        median_side: the median of the square root of a box's area, in pixels of the image; nan
            without objects.
        unmatched: the number of objects that do not have an IoU of 0.5 with any default box.
    """

    name: str
    objects_by_split: list[int]
    objects: int
    objects_to_train: int
    images: int
    median_side: float
    unmatched: int


@dataclass(frozen=True)
class DataReport:
    """The result of `check_data`. Images that cannot be read are only in `findings`.

    Attributes:
        config: the SSDConfig that the objects were matched with.
        splits: the counts of each split.
        classes: the counts of each class.
        image_sizes: (width, height) in pixels of the image with the smallest, the median and the
            largest area; empty without images.
        box_sides: for each percentile, the square root of a box's area in pixels of the model's
            input.
        findings: the errors, then the warnings.
        data: every different image that can be read.
    """

    config: SSDConfig
    splits: list[SplitCounts]
    classes: list[ClassCounts]
    image_sizes: list[tuple[int, int]]
    box_sides: dict[int, float]
    findings: list[Finding]
    data: AnnotatedImages

    @property
    def has_errors(self) -> bool:
        return any(finding.is_error for finding in self.findings)

    def to_json(self) -> dict:
        """Returns all but the images as plain values for JSON, with None in place of nan."""
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


def count_split(split: Split, data: AnnotatedImages, ious: Sequence[np.ndarray]) -> SplitCounts:
    """Counts the images and objects of a split.

    Args:
        split: the split; its `images` are indices into `data`.
        data: the images of all splits.
        ious: for each image, float (M,), the largest IoU of each object with a default box.
    """
    chosen = [data[index] for index in split.images]
    return SplitCounts(
        name=split.name,
        to_train=split.to_train,
        images=len(chosen),
        images_without_objects=sum(not len(sample.boxes) for sample in chosen),
        objects=sum(len(sample.boxes) for sample in chosen),
        difficult=sum(int(sample.difficult.sum()) for sample in chosen),
        unmatched=sum(int((ious[index] < MATCHING_IOU).sum()) for index in split.images),
    )


def count_classes(
    data: AnnotatedImages, ious: Sequence[np.ndarray], splits: Sequence[Split]
) -> list[ClassCounts]:
    """Counts the objects of each class; the arguments are those of `count_split`."""
    count = len(data.class_names)
    per_image = np.array([np.bincount(s.labels, minlength=count) for s in data], int)
    per_image = per_image.reshape(len(data), count)
    labels = np.concatenate([np.zeros(0, int), *(sample.labels for sample in data)])
    sides = np.concatenate([np.zeros(0), *(geometry.area(s.pixel_boxes) ** 0.5 for s in data)])
    unmatched = np.concatenate([np.zeros(0), *ious]) < MATCHING_IOU
    to_train = sorted({index for split in splits if split.to_train for index in split.images})
    return [
        ClassCounts(
            name=name,
            objects_by_split=[int(per_image[split.images, label].sum()) for split in splits],
            objects=int(per_image[:, label].sum()),
            objects_to_train=int(per_image[to_train, label].sum()),
            images=int((per_image[:, label] > 0).sum()),
            median_side=float(np.median(sides[of_class])) if of_class.any() else float("nan"),
            unmatched=int(unmatched[of_class].sum()),
        )
        for label, name in enumerate(data.class_names)
        for of_class in [labels == label]
    ]
