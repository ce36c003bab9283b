"""What is wrong with annotated images, found before a training stumbles over it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from keras_ssd import geometry
from keras_ssd.config import SSD_MOBILENET_320, SSDConfig
from keras_ssd.data.check_report import (
    MATCHING_IOU,
    DataReport,
    Finding,
    count_classes,
    count_split,
)
from keras_ssd.data.dataset import NoAreaError, UnknownClassError
from keras_ssd.data.sample import Sample
from keras_ssd.data.sources import list_image_sets, load
from keras_ssd.default_boxes import default_boxes
from keras_ssd.images import CorruptImageError

_GENERAL_SETS = ("train", "val", "validation", "trainval", "test")
_FEW_OBJECTS = 10
_PERCENTILES = (0, 5, 25, 50, 75, 95, 100)
_ERRORS = {  # the loaders' errors: the last has those that are of none of the others
    CorruptImageError: "images missing, unreadable or not of the annotated size",
    UnknownClassError: "unknown classes, each counted once an image",
    NoAreaError: "boxes without area inside their image",
    ValueError: "annotations that cannot be used",
}


@dataclass(frozen=True)
class _Split:
    source: str
    image_set: str
    name: str
    to_train: bool
    images: list[int]  # indices into the different images


def check_data(
    sources: Iterable[str | Path],
    image_sets: Iterable[str] | None = None,
    *,
    validation_sets: Iterable[str] | None = None,
    config: SSDConfig = SSD_MOBILENET_320,
    exclude: str | Path | None = None,
    image_folder: str | Path | None = None,
    class_names: Iterable[str] | None = None,
    max_images: int | None = None,
) -> DataReport:
    """Reads every image and annotation, and lists what is wrong instead of stopping at it.

    Errors, from which training would suffer: images that are missing, unreadable or not of the
    annotated size; annotations that cannot be used; unknown classes; boxes without area; images
    with the same content in two splits; images of two sources with the same name; classes without
    an object to train on. Warnings: boxes that were clipped and the like; the same image twice in
    a split; classes with fewer than 10 objects to train on; objects that overlap no default box by
    0.5, to each of which matching gives only the default box that fits best.

    Splits are compared by the bytes of their images, every two of them, also of different
    sources. Within a source "trainval" is not compared with "train" and "val", nor "all" with
    any, since they hold them by design.

    Args:
        sources, exclude, image_folder: see `load`.
        image_sets: of each source, names and slices; None takes those of train, val, validation,
            trainval and test that it has, or all images where it has none of them. A source is a
            split per set. All are to train on, slices too, but for those whose name starts with
            "val" or "test".
        validation_sets: further ones, not to train on whatever their names; None: no more.
        config: whose default boxes have to match.
        class_names: None takes those of the data.
        max_images: the first of each split; None all.

    Raises:
        ValueError: an image set is a file of ids, which may be of several sources, or stands in
            both lists; a folder is in no layout that `load_voc` knows, or TensorFlow Datasets does
            not know a name.
    """
    sources, image_sets = [str(source) for source in sources], list(image_sets or ())
    validation_sets = list(validation_sets or ())
    for argument, given in (("image_sets", image_sets), ("validation_sets", validation_sets)):
        if any(image_set.endswith(".txt") for image_set in given):
            raise ValueError(f"{argument}: expected names or slices, not files of ids, {given}")
    both = [image_set for image_set in validation_sets if image_set in image_sets]
    if both:
        raise ValueError(f"validation_sets: {', '.join(both)}: stands among the image_sets too")
    errors, problems, unloadable, loaded = [], [], [], []
    for source in sources:
        wanted = [*(image_sets or _default_sets(source)), *validation_sets]
        for image_set in dict.fromkeys(wanted):
            rules = {"image_folder": image_folder, "class_names": class_names, "errors": errors}
            rules["exclude"] = exclude
            name = image_set if len(sources) == 1 else f"{source}:{image_set}"
            try:
                data = load([source], image_set, **rules)
            except ValueError as error:
                unloadable.append(f"{name}: {error}")
                continue
            problems += data.problems
            loaded.append((source, image_set, name, data))

    class_names = _common_classes([data.class_names for *_, data in loaded])
    loaded = [(*names, data.with_class_names(class_names)) for *names, data in loaded]
    samples, splits = _read_splits(loaded, validation_sets, max_images, errors)
    digests = [_digest(sample.image) for sample in samples]
    corners = geometry.centers_to_corners(default_boxes(config))
    ious = [geometry.iou(sample.boxes, corners).max(axis=1) for sample in samples]
    classes = count_classes(class_names, samples, ious, [split.images for split in splits])
    findings = [
        *_describe("splits that cannot be loaded", unloadable, is_error=True),
        *_describe_errors(errors),
        *_find_shared_names(loaded),
        *_find_shared_images(splits, samples, digests),
        *_find_rare_classes(class_names, splits, samples),
        *_describe("boxes clipped, images left out and the like", problems, is_error=False),
        *_find_repeated_images(splits, samples, digests),
        *_find_unmatched(classes, config),
    ]
    by_area = sorted(((s.size[1], s.size[0]) for s in samples), key=np.prod)
    sides = [config.image_size * geometry.area(sample.boxes) ** 0.5 for sample in samples]
    sides = np.concatenate([*sides, np.zeros(0)])
    return DataReport(
        config=config,
        splits=[
            count_split(split.name, split.to_train, split.images, samples, ious) for split in splits
        ],
        classes=classes,
        image_sizes=[by_area[i] for i in (0, len(by_area) // 2, -1)] if by_area else [],
        box_sides={p: float(np.percentile(sides, p)) for p in _PERCENTILES if len(sides)},
        findings=findings,
        samples=samples,
    )


def _default_sets(source) -> list[str]:
    there = list_image_sets(source)
    return [name for name in _GENERAL_SETS if name in there] or ["all"]


def _common_classes(class_names) -> tuple[str, ...]:
    """All names, in the order of the splits where they agree, else sorted."""
    different = set(class_names)
    return next(iter(different)) if len(different) == 1 else tuple(sorted(set().union(*different)))


def _read_splits(loaded, validation_sets, max_images, errors) -> tuple[list[Sample], list[_Split]]:
    """Each different image that can be read, and the splits."""
    samples, index_of, splits = [], {}, []
    for source, image_set, name, data in loaded:
        for sample in data.samples[:max_images]:
            key = source, sample.id
            if key not in index_of:
                index_of[key] = None
                try:
                    sample.read_image()
                except CorruptImageError as error:
                    errors.append(error)
                else:
                    index_of[key] = len(samples)
                    samples.append(sample)
        indices = [index_of[source, sample.id] for sample in data.samples[:max_images]]
        readable = [index for index in indices if index is not None]
        to_train = image_set not in validation_sets and not image_set.startswith(("val", "test"))
        splits.append(_Split(source, image_set, name, to_train, readable))
    return samples, splits


def _digest(image) -> bytes:
    data = image if isinstance(image, bytes) else image.read_bytes()
    return hashlib.blake2b(data, digest_size=16).digest()


def _describe_errors(errors) -> list[Finding]:
    """A finding for each kind of error."""
    examples = {kind: [] for kind in _ERRORS}
    for error in errors:
        examples[next(kind for kind in _ERRORS if isinstance(error, kind))].append(str(error))
    return [
        finding
        for kind, lines in examples.items()
        for finding in _describe(_ERRORS[kind], lines, is_error=True)
    ]


def _describe(title, examples, is_error) -> list[Finding]:
    """One finding, or none without examples; what two splits have in common counts once."""
    lines = list(dict.fromkeys(examples))
    return [Finding(is_error, f"{title}: {len(lines)}", lines)] if lines else []


def _find_shared_names(loaded) -> list[Finding]:
    sources_of = {}
    for source, _, _, data in loaded:
        for sample in data.samples:
            sources_of.setdefault(sample.id, {})[source] = None
    lines = [f"{name}: {', '.join(of)}" for name, of in sources_of.items() if len(of) > 1]
    return _describe("images of several sources with the same name", lines, is_error=True)


def _find_shared_images(splits, samples, digests) -> list[Finding]:
    findings = []
    for a, b in combinations(splits, 2):
        if a.source == b.source and _holds_by_design(a.image_set, b.image_set):
            continue
        index_in_a = {digests[index]: index for index in a.images}
        lines = [
            f"{samples[index_in_a[digests[index]]].id} = {samples[index].id}"
            for index in b.images
            if digests[index] in index_in_a
        ]
        findings += _describe(f"images of {b.name} that are in {a.name} too", lines, is_error=True)
    return findings


def _holds_by_design(a, b) -> bool:
    names = {a, b}
    return "all" in names or ("trainval" in names and names <= {"trainval", "train", "val"})


def _find_repeated_images(splits, samples, digests) -> list[Finding]:
    lines = []
    for split in splits:
        first = {}
        for index in split.images:
            other = first.setdefault(digests[index], index)
            if other != index:
                lines.append(f"{samples[other].id} = {samples[index].id}")
    return _describe("images that are in a split under two names", lines, is_error=False)


def _find_rare_classes(class_names, splits, samples) -> list[Finding]:
    """Classes with no or few objects to train on, where there is a split to train on."""
    to_train = [split for split in splits if split.to_train]
    if not to_train:
        return []
    images = {index for split in to_train for index in split.images}
    labels = np.concatenate([np.zeros(0, int), *(samples[index].labels for index in images)])
    counts = dict(zip(class_names, np.bincount(labels, minlength=len(class_names)), strict=True))
    none = [name for name, count in counts.items() if count == 0]
    few = [f"{name}: {count}" for name, count in counts.items() if 0 < count < _FEW_OBJECTS]
    return [
        *_describe("classes without an object to train on", none, is_error=True),
        *_describe(f"classes with fewer than {_FEW_OBJECTS} objects", few, is_error=False),
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
        f"objects that overlap no default box of {config.name} by {MATCHING_IOU}, so that the best "
        f"one alone learns each: {unmatched} of {objects} ({unmatched / objects:.1%})"
    )
    return [Finding(False, message, lines)]
