"""What every source of annotated images returns, and the rules that all of them share."""

import re
from collections import Counter
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_ssd import geometry
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample
from keras_ssd.images import read_image


class UnknownClassError(ValueError):
    """An object of a class that is none of the class names."""


class NoAreaError(ValueError):
    """A box that covers nothing of its image."""


@dataclass(frozen=True)
class ObjectAnnotation:
    """One object as an annotation file has it: corners (x1, y1, x2, y2) in pixels, unchecked."""

    class_name: str
    box: tuple[float, float, float, float]
    difficult: bool = False


@dataclass(frozen=True)
class ImageAnnotation:
    """One image as an annotation file has it.

    Attributes:
        id: unique in its data set.
        image: path of an encoded image, or its bytes.
        size: (height, width) in pixels, positive; None has it read from the image's file.
        objects: may be empty.
        file: what messages about this image name.
    """

    id: str
    image: Path | bytes
    size: tuple[int, int] | None
    objects: list[ObjectAnnotation]
    file: str | Path


def from_annotations(
    annotations: list[ImageAnnotation],
    class_names: Iterable[str] | None = None,
    *,
    difficult: str = "keep",
    unknown_classes: str = "error",
    errors: list[ValueError] | None = None,
) -> AnnotatedImages:
    """Turns names into labels and pixels into relative boxes.

    Boxes are clipped to their image, and dropped where no area is left; both are reported
    in `problems`.

    Args:
        annotations: in the order of the samples.
        class_names: in the order of the labels; None takes all names found, sorted.
        difficult: "keep" or "drop" difficult objects.
        unknown_classes: what an object outside `class_names` leads to: an "error", or "skip"
            leaves such objects out and reports their number.
        errors: a list takes the error of each image or object that cannot be used, which is
            left out, and of each box dropped; None raises the first and reports the others.

    Raises:
        ValueError: an argument, a class name or a coordinate is not as expected, two images
            have the same id, or an image whose size is needed cannot be read.
    """
    _check_choice("difficult", difficult, ("keep", "drop"))
    _check_choice("unknown_classes", unknown_classes, ("error", "skip"))
    _check_ids_differ(annotations, errors)
    if class_names is None:
        class_names = sorted({o.class_name for a in annotations for o in a.objects})
        if not class_names:
            raise ValueError("class_names: no object to take them from; pass class_names")
    class_names = _checked_class_names(class_names)
    label_of = {name: label for label, name in enumerate(class_names)}

    samples, problems, skipped = [], [], Counter()
    for annotation in annotations:
        known = []
        for annotated in annotation.objects:
            if annotated.difficult and difficult == "drop":
                continue
            if annotated.class_name in label_of:
                known.append(annotated)
            elif unknown_classes == "skip":
                skipped[annotated.class_name] += 1
            else:
                with collecting(errors):
                    raise UnknownClassError(
                        f"{annotation.file}: unknown class {annotated.class_name!r}, expected "
                        f"one of: {', '.join(class_names)}. "
                        'unknown_classes="skip" leaves it out'
                    )
        with collecting(errors):
            samples.append(_to_sample(annotation, known, label_of, problems, errors))
    problems += [
        f"class {name!r} is not in class_names: {count} object(s) skipped"
        for name, count in sorted(skipped.items())
    ]
    return AnnotatedImages(samples, class_names, problems)


@contextmanager
def collecting(errors: list[ValueError] | None):
    """Appends a ValueError inside the block to `errors`; raises it where there is no list."""
    try:
        yield
    except ValueError as error:
        if errors is None:
            raise
        errors.append(error)


def select_images(
    images: list, image_set: str, source: str | Path, named_sets: Iterable[str] = ()
) -> list:
    """Those images of a source that an image set selects by place.

    Args:
        images: all, in their order.
        image_set: "all", or a slice such as "0:160", "160:" or ":-40".
        source, named_sets: what an error message names.

    Raises:
        ValueError: image_set is neither, or selects no image.
    """
    bounds = re.fullmatch(r"(-?\d+)?:(-?\d+)?", ":" if image_set == "all" else str(image_set))
    if bounds is None:
        raise ValueError(
            f"{source}: no image set {image_set!r}; there are: {', '.join([*named_sets, 'all'])}, "
            'and slices such as "0:160"'
        )
    start, stop = (int(bound) if bound else None for bound in bounds.groups())
    selected = images[start:stop]
    if not selected:
        raise ValueError(
            f"{source}: image set {image_set!r} is empty; there are {len(images)} images"
        )
    return selected


def merge(datasets: Iterable[AnnotatedImages]) -> AnnotatedImages:
    """One data set after the other.

    Raises:
        ValueError: nothing to merge, class names differ, or an image's id comes twice.
    """
    datasets = list(datasets)
    if not datasets:
        raise ValueError("merge: datasets is empty")
    class_names = datasets[0].class_names
    for dataset in datasets[1:]:
        if dataset.class_names != class_names:
            raise ValueError(
                f"merge: class names differ: {class_names} and {dataset.class_names}. Load each "
                "data set with the same class_names"
            )
    samples = [sample for dataset in datasets for sample in dataset.samples]
    most_frequent = Counter(sample.id for sample in samples).most_common(1)
    if most_frequent and most_frequent[0][1] > 1:
        raise ValueError(f"merge: image {most_frequent[0][0]!r} is in more than one data set")
    problems = [problem for dataset in datasets for problem in dataset.problems]
    return AnnotatedImages(samples, class_names, problems)


def _check_choice(argument, value, choices):
    if value not in choices:
        raise ValueError(f"{argument} must be {choices[0]!r} or {choices[1]!r}, not {value!r}")


def _check_ids_differ(annotations, errors):
    file_of = {}
    for annotation in annotations:
        if annotation.id in file_of:
            with collecting(errors):
                raise ValueError(
                    f"{annotation.file}: the image has the same name, {annotation.id!r}, as that "
                    f"of {file_of[annotation.id]}"
                )
        file_of[annotation.id] = annotation.file


def _checked_class_names(class_names) -> tuple[str, ...]:
    names = () if isinstance(class_names, str) else tuple(class_names)
    if not names or len(set(names)) < len(names) or not all(isinstance(n, str) for n in names):
        raise ValueError(f"class_names must be a list of distinct names, not {class_names!r}")
    return names


def _to_sample(annotation, objects, label_of, problems, errors) -> Sample:
    """The sample of an image with those of its objects that are wanted; extends both lists."""
    height, width = size = annotation.size or read_image(annotation.image).shape[:2]
    pixels = np.array([o.box for o in objects], np.float64).reshape(-1, 4)
    if not np.isfinite(pixels).all():
        bad = objects[int(np.argmin(np.isfinite(pixels).all(axis=1)))]
        raise ValueError(
            f"{annotation.file}: {bad.class_name} box {_text(bad.box)}: "
            "coordinates must be finite numbers"
        )
    relative = (pixels / (width, height, width, height)).astype(np.float32)
    clipped = geometry.clip(relative)
    has_area = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    sticks_out = (clipped != relative).any(axis=1)
    for index in np.flatnonzero(~has_area | sticks_out):
        change = "clipped to" if has_area[index] else "dropped: no area inside"
        problem = (
            f"{annotation.file}: {objects[index].class_name} box {_text(objects[index].box)} "
            f"{change} the {width}x{height} image"
        )
        if has_area[index] or errors is None:
            problems.append(problem)
        else:
            errors.append(NoAreaError(problem))
    labels = np.array([label_of[o.class_name] for o in objects], np.int32)
    difficult = np.array([o.difficult for o in objects], bool)
    return Sample(
        annotation.id,
        annotation.image,
        size,
        clipped[has_area],
        labels[has_area],
        difficult[has_area],
    )


def _text(box) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"
