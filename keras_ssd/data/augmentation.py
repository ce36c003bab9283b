"""Turns an annotated image into a training example: a chain of steps around a resize.

`PaperAugmentation` is the chain of the SSD paper. Its order is the original's (Caffe
`annotated_data_layer.cpp`). Two things differ from the original, which encodes the image as JPEG
after each step and subtracts the mean color at the end. Here there are no JPEG artifacts, and the
model subtracts the mean.
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

# The longest side of a photo, in sides of the result. A larger photo is shrunk first, so that an
# expansion does not take gigabytes. Its smallest crop still has more pixels than the result.
LARGEST_SIDE = 4


def resize(image: np.ndarray, size: int, rng: Generator) -> np.ndarray:
    """Warps the image to (size, size, 3) bilinearly, as at test time; draws nothing from `rng`."""
    return resize_image(image, size)


@dataclass(frozen=True, repr=False)
class Augmentation:
    """Steps before a resize, the resize, and steps after it.

    Without arguments the image is only warped to its new size. A step is a function of
    (image, boxes, labels, rng) that returns a new image, boxes and labels. See
    `keras_ssd.data.augmentation_steps` for those of the paper.

    Attributes:
        before_resize: steps that see the photo in its own size. If there are any, a photo of more
            than 4 times the result's side is shrunk to that before the first step.
        resize: a function of (image, size, rng) that returns an image (size, size, 3).
        after_resize: steps that see the resized image.

    Example:
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
            labels: (M,).
            image_size: side S of the square result, in pixels.
            rng: the source of all random numbers; the result is a function of its state.

        Returns:
            Image uint8 (S, S, 3); boxes float32 (M', 4), within [0, 1] and with area; labels
            int32 (M',). M' may be smaller than M, and 0.

        Raises:
            ValueError: image, boxes or labels have another shape, or the image has another dtype,
                as given or as a step returned them.
        """
        boxes, labels = np.asarray(boxes, np.float32), np.asarray(labels, np.int32)
        _check(image, boxes, labels)
        if self.before_resize:
            image = _at_most(image, LARGEST_SIDE * image_size)
        for step in self.before_resize:
            image, boxes, labels = step(image, boxes, labels, rng)
        image = self.resize(image, image_size, rng)
        for step in self.after_resize:
            image, boxes, labels = step(image, boxes, labels, rng)
        _check(image, boxes, labels)
        boxes, labels = objects_within(WHOLE_IMAGE, boxes, labels)
        return image, boxes, labels.astype(np.int32, copy=False)

    def __repr__(self) -> str:
        """The names of the steps: the same in every process, as a resumed run compares them."""
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
    # An object's default repr holds its address, which differs in every process.
    has_own_repr = type(step).__repr__ is not object.__repr__
    return getattr(step, "__name__", repr(step) if has_own_repr else type(step).__name__)


def _check(image, boxes, labels):
    checked_image(image, "image")
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"boxes: expected (M, 4), not {boxes.shape}")
    if labels.shape != boxes.shape[:1]:
        raise ValueError(f"labels: expected ({len(boxes)},), one per box, not {labels.shape}")


def _at_most(image, side):
    """The image, shrunk if its longer side has more than so many pixels."""
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(scale * pixels)) for pixels in image.shape[:2])
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
