"""Tracks the objects in the results of a detector, one video after another."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np

from keras_ssd.inputs import Frame
from keras_ssd.results.detections import Detections
from keras_ssd.tracking.tracker import Tracker

AnyFrame = TypeVar("AnyFrame", bound=Frame)


def follow(
    results: Iterable[tuple[AnyFrame, Detections]],
    tracker: Tracker,
    *,
    on_error: Callable[[ValueError], object] | None = None,
) -> Iterator[tuple[AnyFrame, Detections]]:
    """Yields the results of a detector with numbers of the objects, which begin anew in each video.

    Args:
        results: frames and the objects in them, in order. Numbered images in one folder, such as
            frame1.jpg, frame2.jpg, are the frames of one video. Frames that are `only_shown` are
            left to themselves.
        tracker: the tracker, which is reset before each video.
        on_error: a function that is called with the error of each image that is no frame of a
            video, which is then left out. Without it the error is raised.

    Raises:
        ValueError: an image has no number, or a lower one than the image before it.
    """
    before = None
    for frame, found in results:
        if frame.only_shown:
            yield frame, replace(found, track_ids=np.full(len(found), -1))
            continue
        try:
            goes_on = continues(before, found)
        except ValueError as error:
            if on_error is None:
                raise
            on_error(error)
            continue
        if not goes_on:
            tracker.reset()
        before = found
        yield frame, tracker.update(found)


def continues(before: Detections | None, found: Detections) -> bool:
    """Tells whether a frame belongs to the same video as the frame before it.

    Raises:
        ValueError: the frame is an image that has no number, or a lower one than the one before.

    Examples:
        >>> from keras_ssd import Detections
        >>> first, second = (
        ...     Detections(f"film/{n}.jpg", (9, 9), [], [], [], ["cat"]) for n in (9, 10)
        ... )
        >>> continues(None, first), continues(first, second)
        (False, True)
    """
    if found.frame is not None:
        if before is None or before.frame is None or before.image != found.image:
            return False
        return before.frame < found.frame
    name, number = _numbered(found.image)
    if before is None or before.frame is not None:
        return False
    name_before, number_before = _numbered(before.image)
    if name == name_before and number <= number_before:
        raise ValueError(
            f"{found.image}: expected an image with a higher number than {before.image}; objects "
            "are tracked in images in the order of their numbers, as in a folder that is given "
            "as a whole"
        )
    return name == name_before


def _numbered(image):
    """Returns the name of an image without its number, and the number."""
    folder, name = os.path.split(image)
    name, suffix = os.path.splitext(name)
    found = re.fullmatch(r"(.*?)(\d+)(\D*)", name, re.DOTALL)
    if found is None:
        raise ValueError(
            f"{image}: objects are tracked in videos and in numbered images such as frame1.jpg, "
            "frame2.jpg; this is an image without a number"
        )
    return (folder, found[1], found[3], suffix), int(found[2])
