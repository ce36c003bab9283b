"""Every kind of problem that `check_data` finds, errors first."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from keras_ssd.config import MATCHING_IOU, SSDConfig
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.checks.data_report import ClassCounts, Finding
from keras_ssd.data.checks.examined_images import ExaminedImage, TurnedImageError
from keras_ssd.data.checks.odd_boxes import (
    find_boxes_at_the_origin,
    find_repeated_boxes,
    find_whole_image_boxes,
)
from keras_ssd.data.checks.similar_images import ImagePrints
from keras_ssd.data.checks.splits import Split
from keras_ssd.data.problems import AnnotationError, NoAreaError, Problems, UnknownClassError
from keras_ssd.images import CorruptImageError

_FEW_OBJECTS = 10
_MOST_TO_LEAST = 30  # the most frequent class may have this many times the objects of another class
# The errors of loading. An error is counted under the first class that it is an instance of.
_ERRORS = {
    TurnedImageError: "images that EXIF turns away from their boxes (save them upright)",
    CorruptImageError: "images missing, unreadable or not of the annotated size",
    UnknownClassError: "objects of unknown classes",
    NoAreaError: "boxes without area inside their image",
    AnnotationError: "annotations that cannot be used",
    ValueError: "sources and splits that cannot be loaded",
}


def find_all(
    data: AnnotatedImages,
    images: Sequence[ExaminedImage],
    splits: Sequence[Split],
    classes: Sequence[ClassCounts],
    config: SSDConfig,
    problems: Problems,
) -> list[Finding]:
    """Returns all findings.

    Args:
        data: the images that can be read.
        images: the properties of each of them.
        splits: the splits; their `images` are indices into `data`.
        classes: the counts of each class.
        config: the SSDConfig that defines the default boxes.
        problems: the errors and notes of loading.
    """
    alike = _find_alike(data, images, splits)
    return [
        *_describe_errors(problems.errors),
        *_find_shared_images(data, images, splits),
        *_find_missing_objects(data, splits, classes),
        *alike,
        *_warn("boxes clipped, images left out and the like", problems.notes),
        *_find_repeated_images(data, images, splits),
        *_warn("two boxes on one object", find_repeated_boxes(data)),
        *_warn("boxes of the whole image", find_whole_image_boxes(data)),
        *_warn(
            "images with all boxes in the first pixel (normalized coordinates?)",
            find_boxes_at_the_origin(data),
        ),
        *_warn(
            "images that EXIF turns or mirrors without a change of size (check that boxes fit)",
            _find_mirrored(data, images),
        ),
        *_find_rare_classes(splits, classes),
        *_find_unmatched(classes, config),
    ]


def _describe(title: str, lines: Iterable[str], is_error: bool) -> list[Finding]:
    """Returns a list of one finding, or an empty list without lines. Equal lines count once."""
    different = list(dict.fromkeys(lines))
    return [Finding(is_error, f"{title}: {len(different)}", different)] if different else []


def _error(title, lines) -> list[Finding]:
    return _describe(title, lines, is_error=True)


def _warn(title, lines) -> list[Finding]:
    return _describe(title, lines, is_error=False)


def _describe_errors(errors) -> list[Finding]:
    lines_of, titles = {kind: [] for kind in _ERRORS}, dict(_ERRORS)
    for error in errors:
        kind = next(kind for kind in _ERRORS if isinstance(error, kind))
        if isinstance(error, UnknownClassError):  # the class names are said once
            titles[kind] = f"{_ERRORS[kind]} (expected one of: {', '.join(error.class_names)})"
            lines_of[kind].append(error.short)
        else:
            lines_of[kind].append(str(error))
    return [found for kind, lines in lines_of.items() for found in _error(titles[kind], lines)]


def _pairs(splits) -> list[tuple[Split, Split]]:
    """Returns all pairs of splits that should not have images in common."""
    return [(a, b) for a, b in combinations(splits, 2) if not a.overlaps_by_design(b)]


def _find_shared_images(data, images, splits) -> list[Finding]:
    findings = []
    for a, b in _pairs(splits):
        index_in_a = {images[index].digest: index for index in a.images}
        lines = [
            f"{data[index].id} = {data[index_in_a[images[index].digest]].id}"
            for index in b.images
            if images[index].digest in index_in_a
        ]
        findings += _error(f"images of {b.name!r} that are in {a.name!r} too", lines)
    return findings


def _find_repeated_images(data, images, splits) -> list[Finding]:
    lines = []
    for split in splits:
        first: dict[bytes, int] = {}
        for index in split.images:
            other = first.setdefault(images[index].digest, index)
            if other != index:
                lines.append(f"{data[other].id} = {data[index].id}")
    return _warn("images that are in a split under two names", lines)


def _find_alike(data, images, splits) -> list[Finding]:
    """Finds images of two splits, or of one, that look the same although their bytes differ."""
    prints = ImagePrints([image.look for image in images])

    def lines(pairs):
        return [
            f"{data[one].id} ~ {data[other].id}"
            for one, other in pairs
            if images[one].digest != images[other].digest
        ]

    findings, within = [], []
    for a, b in _pairs(splits):
        title = f"images of {b.name!r} that look like one of {a.name!r}"
        findings += _warn(title, lines(prints.first_alike(b.images, a.images).items()))
    for split in splits:
        found = prints.first_alike(split.images, split.images)
        position = {index: place for place, index in enumerate(split.images)}
        within += lines((o, i) for i, o in found.items() if position[o] < position[i])
    return [*findings, *_warn("images that look like another one of their split", within)]


def _find_missing_objects(data, splits, classes) -> list[Finding]:
    findings = []
    if any(split.to_train for split in splits):
        names = [entry.name for entry in classes if not entry.objects_to_train]
        findings += _error("classes without an object to train on", names)
    empty = [
        repr(split.name)
        for split in splits
        if not split.to_train and not any(len(data[index].labels) for index in split.images)
    ]
    return [*findings, *_error("splits without an object to measure mAP on", empty)]


def _find_rare_classes(splits, classes) -> list[Finding]:
    """Finds classes with few objects to train on, or few compared with the most frequent class."""
    counts = {entry.name: entry.objects_to_train for entry in classes if entry.objects_to_train}
    if not counts:
        return []
    few = [f"{name}: {count}" for name, count in counts.items() if count < _FEW_OBJECTS]
    most = max(counts, key=lambda name: counts[name])
    rare = [
        f"{name}: {count}, one for {counts[most] / count:.0f} of {most}"
        for name, count in counts.items()
        if count * _MOST_TO_LEAST < counts[most]
    ]
    return [
        *_warn(f"classes with fewer than {_FEW_OBJECTS} objects to train on", few),
        *_warn(f"classes with less than 1/{_MOST_TO_LEAST} of the objects of {most}", rare),
    ]


def _find_mirrored(data, images) -> list[str]:
    return [
        f"{sample.id}: EXIF orientation {image.orientation}"
        for sample, image in zip(data, images, strict=True)
        if len(sample.boxes)
        and (
            image.orientation in (2, 3, 4)
            or (image.orientation >= 5 and sample.size[0] == sample.size[1])
        )
    ]


def _find_unmatched(classes, config) -> list[Finding]:
    objects, unmatched = sum(c.objects for c in classes), sum(c.unmatched for c in classes)
    if not unmatched:
        return []
    lines = [
        f"{c.name}: {c.unmatched} of {c.objects} ({c.unmatched / c.objects:.1%})"
        for c in sorted(classes, key=lambda c: -c.unmatched)
        if c.unmatched
    ]
    message = (
        f"objects with an IoU below {MATCHING_IOU} for every default box of {config.name}, so that "
        f"only the best one learns each: {unmatched} of {objects} ({unmatched / objects:.1%})"
    )
    return [Finding(False, message, lines)]
