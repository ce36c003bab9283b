"""Reads every image once, and keeps the properties that the checks need."""

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from keras_ssd.data.annotations import ImageAnnotation
from keras_ssd.data.checks.similar_images import image_print
from keras_ssd.data.sample import Sample
from keras_ssd.images import CorruptImageError, decode_image
from keras_ssd.images.sizes import exif_orientation

Progress = Callable[[Iterable, int], Iterable]


@dataclass(frozen=True)
class ExaminedImage:
    """An image that can be read and has the annotated size.

    Attributes:
        digest: a hash of the file's bytes.
        look: the result of `image_print`.
        orientation: the result of `exif_orientation`.
    """

    digest: bytes
    look: tuple[int, np.ndarray]
    orientation: int


class TurnedImageError(CorruptImageError):
    """The EXIF orientation turns the image, but its boxes fit the image as it is stored."""


def examine_all(
    samples: Sequence[Sample],
    annotations: Sequence[ImageAnnotation],
    progress: Progress,
) -> list[ExaminedImage | CorruptImageError]:
    """Examines each image; an image that cannot be used gives its error instead.

    Args:
        samples: the images.
        annotations: the annotations of the same images.
        progress: a function that is called with the results and their number, and yields them.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # OpenCV decodes without Python's lock
        results = pool.map(_examine, samples, annotations)
        try:
            return list(progress(results, len(samples)))
        except BaseException:  # after Ctrl-C too, do not wait for images that have not begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _examine(sample: Sample, annotation: ImageAnnotation) -> ExaminedImage | CorruptImageError:
    name = sample.id if isinstance(sample.image, bytes) else str(sample.image)
    try:
        data = sample.read_bytes()
        image = decode_image(data, name=name)
    except CorruptImageError as error:
        return error
    orientation = exif_orientation(data)
    size = image.shape[:2]
    if size != tuple(sample.size) or _fits_only_unturned(annotation, orientation, size):
        if orientation >= 5 and sample.size in (size[::-1], size):
            return TurnedImageError(
                f"{name}: its EXIF orientation, {orientation}, turns it to (height, width) {size}, "
                f"but its boxes were drawn on it as it is stored, {size[::-1]}"
            )
        return CorruptImageError(
            f"{name}: the image has (height, width) {size}, but its annotation says "
            f"{tuple(sample.size)}"
        )
    digest = hashlib.blake2b(data, digest_size=16).digest()
    return ExaminedImage(digest, image_print(image), orientation)


def _fits_only_unturned(annotation, orientation, size) -> bool:
    """Tells whether boxes stick out of the turned image, but not out of the stored one."""
    if orientation < 5 or annotation.size is not None or not annotation.objects:
        return False
    height, width = size
    right = max(annotated.box[2] for annotated in annotation.objects)
    bottom = max(annotated.box[3] for annotated in annotation.objects)
    return (
        (right > width + 1 or bottom > height + 1) and right <= height + 1 and bottom <= width + 1
    )
