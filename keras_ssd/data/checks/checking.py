"""Reads annotated images and reports what is wrong with them, before a model is trained."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from keras_ssd import geometry
from keras_ssd.config import SSD_MOBILENET_320, SSDConfig
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.checks.data_report import DataReport, count_classes, count_split
from keras_ssd.data.checks.examined_images import ExaminedImage, Progress, examine_all
from keras_ssd.data.checks.findings import find_all
from keras_ssd.data.checks.splits import choose_splits
from keras_ssd.data.problems import Problems
from keras_ssd.data.rules import Rules, apply_rules
from keras_ssd.data.source_pool import NoObjectError, SourcePool
from keras_ssd.default_boxes import default_boxes
from keras_ssd.files import as_many

_ROWS = 256  # boxes that are compared with all default boxes at once
_PERCENTILES = (0, 5, 25, 50, 75, 95, 100)


def check_data(
    sources: str | Path | Iterable[str | Path],
    image_sets: str | Path | Iterable[str | Path] | None = None,
    *,
    validation_sets: str | Path | Iterable[str | Path] | None = None,
    config: SSDConfig = SSD_MOBILENET_320,
    exclude: str | Path | None = None,
    image_folder: str | Path | None = None,
    class_names: Iterable[str] | None = None,
    max_images: int | None = None,
    progress: Progress = lambda results, count: results,
) -> DataReport:
    """Reads every image and annotation, and lists all problems instead of stopping at the first.

    Errors are problems that training suffers from: images that are missing, unreadable or not of
    the annotated size; images that their EXIF orientation turns away from their boxes; annotations
    that cannot be used, such as normalized coordinates; unknown classes; boxes without area; the
    same image in two splits; classes without an object to train on; a split to validate on without
    an object.

    Warnings may be intended: images of two splits, or of one, that look alike; the same image twice
    in a split; boxes that were clipped; two boxes on one object; boxes of the whole image; images
    with all boxes in the first pixel; classes with fewer than 10 objects, or with less than a
    thirtieth of the most frequent class; objects that do not have an IoU of 0.5 with any default
    box, so that matching gives each only the default box that fits best.

    All pairs of splits are compared, also splits of different sources. Within a source "trainval"
    is not compared with "train" and "val", and "all" is not compared with any set, because they
    have images in common by design.

    Args:
        sources, image_folder: as in `load`.
        image_sets: the sets to check, each in every source: names, slices, or .txt files of ids,
            which may name images of any source. None takes those of train, val, valid, validation,
            trainval and test that a source has, or all its images if it has none of these sets.
            Sets are for training, except those that begin with "val" or "test".
        validation_sets: further sets, which are for validation, whatever their names.
        config: the SSDConfig that defines the default boxes.
        exclude: a .txt file with the ids of images to leave out of the training sets.
        class_names: the names in the order of the labels; None takes those of the data.
        max_images: the number of images of each split to check; None checks all.
        progress: a function that is called as `progress(results, count)` and yields the results.

    Raises:
        ValueError: no source can be opened, or a set is in both lists.
    """
    image_sets = _as_texts(image_sets)
    validation_sets = _as_texts(validation_sets)
    both = [name for name in validation_sets if name in image_sets]
    if both:
        raise ValueError(f"validation_sets: {', '.join(both)} is among the image_sets too")
    problems = Problems(collect=True)
    pool = SourcePool.open(sources, image_folder, problems)
    splits = choose_splits(pool, image_sets, validation_sets, exclude, max_images, problems)
    keys = dict.fromkeys(key for split in splits for key in split.keys)
    annotations = pool.read(keys, problems)
    data = _apply_rules(pool, annotations, class_names, problems)
    data, images = _examine(data, annotations, progress, problems)
    index_of = {sample.id: index for index, sample in enumerate(data)}
    for split in splits:
        ids = (annotations[key].id for key in split.keys if key in annotations)
        split.images += [index_of[image_id] for image_id in ids if image_id in index_of]
    return _report(config, data, images, splits, problems)


def _as_texts(sets) -> list[str]:
    return [] if sets is None else [str(name) for name in as_many(sets)]


def _apply_rules(pool, annotations, class_names, problems) -> AnnotatedImages:
    try:
        names = pool.class_names(annotations) if class_names is None else class_names
        return apply_rules(list(annotations.values()), Rules(names), problems)
    except NoObjectError as error:
        if annotations:  # without any, another error says why
            problems.error(error)
        return AnnotatedImages([], ())


def _examine(data, annotations, progress, problems) -> tuple[AnnotatedImages, list[ExaminedImage]]:
    """Returns the images that can be read, and the properties that the checks need of them."""
    annotation_of = {image.id: image for image in annotations.values()}
    results = examine_all(data.samples, [annotation_of[sample.id] for sample in data], progress)
    readable, images = [], []
    for index, result in enumerate(results):
        if isinstance(result, ExaminedImage):
            readable.append(index)
            images.append(result)
        else:
            problems.error(result)
    return data[readable], images


def _largest_ious(boxes: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Returns each box's largest IoU with a default box, a few boxes at a time to save memory."""
    parts = (boxes[start : start + _ROWS] for start in range(0, len(boxes), _ROWS))
    largest = [geometry.iou(part, corners).max(axis=1) for part in parts]
    return np.concatenate([*largest, np.zeros(0, np.float32)])


def _report(config, data, images, splits, problems) -> DataReport:
    corners = geometry.centers_to_corners(default_boxes(config))
    ious = [_largest_ious(sample.boxes, corners) for sample in data]
    classes = count_classes(data, ious, splits)
    by_area = sorted(((s.size[1], s.size[0]) for s in data), key=np.prod)
    areas = np.concatenate([*(geometry.area(sample.boxes) for sample in data), np.zeros(0)])
    sides = config.image_size * areas**0.5
    return DataReport(
        config=config,
        splits=[count_split(split, data, ious) for split in splits],
        classes=classes,
        image_sizes=[by_area[i] for i in (0, len(by_area) // 2, -1)] if by_area else [],
        box_sides={p: float(np.percentile(sides, p)) for p in _PERCENTILES if len(sides)},
        findings=find_all(data, images, splits, classes, config, problems),
        data=data,
    )
