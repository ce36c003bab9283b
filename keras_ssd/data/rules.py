"""The rules that turn annotations of any format into samples; they are applied only here."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_ssd import geometry
from keras_ssd.classes import checked_class_names
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.annotations import ImageAnnotation, box_text, class_name
from keras_ssd.data.problems import AnnotationError, NoAreaError, Problems, UnknownClassError
from keras_ssd.data.sample import Sample
from keras_ssd.images import CorruptImageError, decode_image
from keras_ssd.images.sizes import image_size
from keras_ssd.terminal import counted

# Boxes that exceed the image by less than this share of its size are clipped without a note,
# because files with six digits round by this much.
_ROUNDING = 2e-6
# In pixels. No real data set has all its boxes this close to the corner of the image.
_LARGEST_RELATIVE = 1.5


@dataclass(frozen=True)
class Rules:
    """The choice of objects to keep.

    Attributes:
        class_names: the names in the order of the labels.
        difficult: "keep" or "drop" difficult objects.
        unknown_classes: "error" to raise an error at an object of another class, or "skip" to leave
            objects of other classes out and note their number.

    Raises:
        ValueError: the names are not distinct texts, or a choice does not exist.
    """

    class_names: tuple[str, ...]
    difficult: str = "keep"
    unknown_classes: str = "error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_names", checked_class_names(self.class_names))
        check_choice("difficult", self.difficult, ("keep", "drop"))
        check_choice("unknown_classes", self.unknown_classes, ("error", "skip"))


def check_choice(argument: str, value: str, choices: Sequence[str]) -> None:
    """Raises ValueError if the value of an argument is not one of the choices."""
    if value not in choices:
        expected = " or ".join(map(repr, choices))
        raise ValueError(f"{argument}: expected {expected}, not {value!r}")


def check_pixels(images: Iterable[ImageAnnotation], source: str, problems: Problems) -> None:
    """Reports normalized boxes: all coordinates of a source are from 0 to 1 instead of pixels."""
    first, count = None, 0
    for image in images:
        for annotated in image.objects:
            if max(map(abs, annotated.box)) > _LARGEST_RELATIVE:
                return
            first, count = first or (image, annotated), count + 1
    if first is None:
        return
    image, annotated = first
    problems.error(
        AnnotationError(
            f"{source}: all coordinates of its {counted(count, 'box', 'boxes')} are "
            "between 0 and 1, so they are relative to the image (normalized); expected pixels. The "
            "first box: "
            f"{image.where}: {annotated.class_name} {box_text(annotated.box)}"
        )
    )


def apply_rules(
    images: Sequence[ImageAnnotation], rules: Rules, problems: Problems
) -> AnnotatedImages:
    """Turns names into labels and pixels into relative boxes.

    Boxes are clipped to their image, and left out if no area is left. A note says so; if `problems`
    collects, a box without area is an error.

    Args:
        images: the annotations, in the order of the samples.
        rules: the rules to apply.
        problems: the place for images and objects that cannot be used.

    Raises:
        ValueError: there were objects, but the rules do not keep any; or no image is left.
    """
    label_of = {class_name(name): label for label, name in enumerate(rules.class_names)}
    samples: dict[str, Sample] = {}
    where_of: dict[str, object] = {}
    skipped: Counter[str] = Counter()
    for image in images:
        wanted = []
        for annotated in image.objects:
            if annotated.difficult and rules.difficult == "drop":
                continue
            if annotated.class_name in label_of:
                wanted.append(annotated)
            elif rules.unknown_classes == "skip":
                skipped[annotated.class_name] += 1
            else:
                problems.error(
                    UnknownClassError(
                        f"{image.where}: unknown class {annotated.class_name!r}", rules.class_names
                    )
                )
        with problems.leaving_out():
            if image.id in samples:
                raise AnnotationError(
                    f"{image.where}: the image has the same name, {image.id!r}, as that of "
                    f"{where_of[image.id]}"
                )
            samples[image.id] = _to_sample(image, wanted, label_of, problems)
            where_of[image.id] = image.where
    if skipped and not any(len(sample.labels) for sample in samples.values()):
        raise ValueError(
            f"class_names: none of {counted(skipped.total(), 'object')} has one of the classes "
            f"{', '.join(rules.class_names)}; the data have: {', '.join(sorted(skipped))}"
        )
    for name, count in sorted(skipped.items()):
        left_out = counted(count, "object")
        problems.note(f"class {name!r} is not among the class names: {left_out} left out")
    return AnnotatedImages(list(samples.values()), rules.class_names, list(problems.notes))


def _to_sample(image, objects, label_of, problems) -> Sample:
    height, width = size = _size_of(image)
    pixels = np.array([o.box for o in objects], np.float64).reshape(-1, 4)
    relative = (pixels / (width, height, width, height)).astype(np.float32)
    clipped = geometry.clip(relative)
    has_area = (clipped[:, 2:] > clipped[:, :2]).all(axis=1)
    sticks_out = (np.abs(clipped - relative) > _ROUNDING).any(axis=1)
    for index in np.flatnonzero(~has_area | sticks_out):
        change = "clipped to" if has_area[index] else "has no area inside"
        text = (
            f"{image.where}: {objects[index].class_name} box {box_text(objects[index].box)} "
            f"{change} the {width}x{height} image"
        )
        if has_area[index]:
            problems.note(text)
        else:
            problems.error(NoAreaError(text))
    labels = np.array([label_of[o.class_name] for o in objects], np.int32)
    difficult = np.array([o.difficult for o in objects], bool)
    return Sample(
        image.id, image.image, size, clipped[has_area], labels[has_area], difficult[has_area]
    )


def _size_of(image: ImageAnnotation) -> tuple[int, int]:
    if isinstance(image.image, Path):
        if not image.image.is_file():
            raise CorruptImageError(f"{image.where}: there is no file {image.image}")
        return image.size or image_size(image.image)
    height, width = image.size or decode_image(image.image, str(image.where)).shape[:2]
    return height, width
