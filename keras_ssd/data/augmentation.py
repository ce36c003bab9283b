"""Turns an annotated image into a training example: a chain of steps around a resize.

`PaperAugmentation` is the chain of the SSD paper, in the order of the original (Caffe
`annotated_data_layer.cpp`). Two things differ. The original encodes the image as JPEG after each
step and subtracts the mean color at the end. Here there are no JPEG artifacts, and the model
subtracts the mean.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from keras_ssd.data.augmentation_steps import (
    WHOLE_IMAGE,
    Example,
    Sometimes,
    Step,
    crop,
    distort,
    expand,
    flip,
    objects_within,
    resize_randomly,
)
from keras_ssd.images import checked_image, resize_image
from keras_ssd.images.opencv import cv2

# The longest side of a photo, as a multiple of the result's side. A larger photo is shrunk first,
# so that `expand` does not take gigabytes. Its smallest crop still has more pixels than the result.
LARGEST_SIDE = 4


def resize(image: np.ndarray, size: int, rng: Generator) -> np.ndarray:
    """Warps the image to (size, size, 3) bilinearly, as at test time; draws nothing from `rng`."""
    return resize_image(image, size)


@dataclass(frozen=True, repr=False)
class Augmentation:
    """Steps before a resize, the resize, and steps after it.

    Without arguments the image is only warped to its new size. A step is a function of
    (image, boxes, labels, rng) that returns a new image, boxes and labels. The steps of the paper
    are in `keras_ssd.data.augmentation_steps`.

    Attributes:
        before_resize: steps that see the photo at its own size. If there are any, a photo that is
            larger than 4 times the result's side is shrunk to that size before the first step.
        resize: a function of (image, size, rng) that returns an image (size, size, 3).
        after_resize: steps that see the resized image.

    Examples:
        >>> import dataclasses
        >>> def to_gray(image, boxes, labels, rng):
        ...     return np.repeat(image[..., 1:2], 3, axis=2), boxes, labels
        >>> paper = PaperAugmentation()
        >>> dataclasses.replace(paper, after_resize=(*paper.after_resize, to_gray))
        PaperAugmentation(distort, sometimes expand, crop, resize_randomly, sometimes flip, to_gray)
    """

    before_resize: tuple[Step, ...] = ()
    resize: Callable[[np.ndarray, int, Generator], np.ndarray] = resize
    after_resize: tuple[Step, ...] = ()

    def __call__(
        self,
        image: np.ndarray,
        boxes: np.ndarray,
        labels: np.ndarray,
        image_size: int,
        rng: Generator,
    ) -> Example:
        """Augments one example.

        Args:
            image: RGB uint8 (H, W, 3).
            boxes: (M, 4), relative corners; M may be 0.
            labels: (M,), the label of each box.
            image_size: S, the side of the square result in pixels.
            rng: the source of all random numbers; its state determines the result.

        Returns:
            The image, uint8 (S, S, 3); the boxes, float32 (M', 4), within [0, 1] and with area;
            the labels, int32 (M',). M' may be smaller than M, and 0.

        Raises:
            ValueError: the image, boxes or labels, given or returned by a step, have another
                shape, or the image has another dtype.
        """
        boxes, labels = np.asarray(boxes, np.float32), np.asarray(labels, np.int32)
        _check(image, boxes, labels)
        if self.before_resize:
            image = at_most(image, LARGEST_SIDE * image_size)
        for step in self.before_resize:
            image, boxes, labels = step(image, boxes, labels, rng)
        image = self.resize(image, image_size, rng)
        for step in self.after_resize:
            image, boxes, labels = step(image, boxes, labels, rng)
        _check(image, boxes, labels)
        boxes, labels = objects_within(WHOLE_IMAGE, boxes, labels)
        return image, boxes, labels.astype(np.int32, copy=False)

    def __repr__(self) -> str:
        """Returns the steps' names. They do not differ by process, so a resumed run can compare."""
        steps: list[Callable] = [*self.before_resize, self.resize, *self.after_resize]
        return f"{type(self).__name__}({', '.join(_name(step) for step in steps)})"


@dataclass(frozen=True, repr=False)
class PaperAugmentation(Augmentation):
    """The paper's chain: distort, sometimes expand, crop, resize, sometimes flip.

    Attributes:
        before_resize, resize, after_resize: as in `Augmentation`.
    """

    before_resize: tuple[Step, ...] = (distort, Sometimes(expand), crop)
    resize: Callable[[np.ndarray, int, Generator], np.ndarray] = resize_randomly
    after_resize: tuple[Step, ...] = (Sometimes(flip),)


def _name(step: Callable) -> str:
    if isinstance(step, Sometimes):
        often = "sometimes" if step.probability == 0.5 else f"with probability {step.probability:g}"
        return f"{often} {_name(step.step)}"
    # The default repr of an object contains its address, which differs in every process.
    has_own_repr = type(step).__repr__ is not object.__repr__
    return getattr(step, "__name__", repr(step) if has_own_repr else type(step).__name__)


def _check(image, boxes, labels):
    checked_image(image, "image")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes: expected (M, 4), not {boxes.shape}")
    if labels.shape != boxes.shape[:1]:
        raise ValueError(f"labels: expected ({len(boxes)},), one per box, not {labels.shape}")


def at_most(image: np.ndarray, side: int) -> np.ndarray:
    """Returns the image, shrunk if its longer side has more than `side` pixels."""
    height, width = shape_at_most(image.shape[:2], side)
    if (height, width) == image.shape[:2]:
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def shape_at_most(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Returns the (height, width) that `at_most` gives an image with this (height, width)."""
    height, width = shape
    scale = min(1.0, side / max(height, width))
    return max(1, round(scale * height)), max(1, round(scale * width))
