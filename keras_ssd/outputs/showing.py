"""Shows pictures with their objects drawn in a window, where there is a display."""

import os
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from keras_ssd.images.opencv import cv2
from keras_ssd.inference.pipeline import detect_frames
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.inference.reading import read_sources
from keras_ssd.inputs import Frame, Sources
from keras_ssd.outputs.writing import Draw
from keras_ssd.results.detections import Detections
from keras_ssd.results.drawing import draw_detections
from keras_ssd.tracking import Tracker, follow

_ENDING_KEYS = {ord("q"), ord("Q"), 27}  # 27 is Esc
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


class Window:
    """A window on the screen. The keys q and Esc, and closing it, end what it shows.

    Args:
        title: the title of the window.

    Raises:
        ValueError: there is no display, or this OpenCV opens no windows.
    """

    def __init__(self, title: str):
        if sys.platform.startswith("linux") and not any(map(os.environ.get, _DISPLAYS)):
            raise ValueError("show: there is no display (neither DISPLAY nor WAYLAND_DISPLAY)")
        self._title = title
        try:
            cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        except cv2.error as error:
            raise ValueError(
                "show: this OpenCV opens no windows; opencv-python does, opencv-python-headless "
                f"does not ({error.err})"
            ) from error
        self._sized = False

    def show(self, image: np.ndarray, *, is_still: bool) -> bool:
        """Shows an image.

        Args:
            image: RGB uint8 (H, W, 3).
            is_still: whether to wait for a key.

        Returns:
            False if the user wants to end.
        """
        if not self._sized:
            height, width = image.shape[:2]
            scale = min(1, 1280 / width, 720 / height)
            cv2.resizeWindow(self._title, round(scale * width), round(scale * height))
            self._sized = True
        cv2.imshow(self._title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        while True:
            key = cv2.waitKey(100 if is_still else 1)
            if cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1:
                return False
            if key >= 0:
                return key & 0xFF not in _ENDING_KEYS
            if not is_still:
                return True

    def close(self) -> None:
        """Closes the window."""
        cv2.destroyWindow(self._title)


class Preview:
    """Shows the frames of a run in a window; those that are `only_shown` with the last boxes.

    Args:
        window: the window.
        draw: a function that returns an image with the objects drawn into a copy.
    """

    def __init__(self, window: Window, draw: Draw):
        self._window, self._draw = window, draw
        self._last: Detections | None = None

    def show(self, frame: Frame, found: Detections) -> bool:
        """Shows a frame; returns False if the user wants to end."""
        if not frame.only_shown or self._last is None or self._last.image != frame.source:
            self._last = found
        drawn = self._draw(frame.image, self._last)
        return self._window.show(drawn, is_still=frame.number is None)

    def close(self) -> None:
        """Closes the window."""
        self._window.close()


def detect_and_show(
    detector: ObjectDetector,
    sources: Sources,
    window: Window,
    *,
    every: int = 1,
    limit: int | None = None,
    recursive: bool = False,
    on_image: Callable[[Detections, Path | None], object] | None = None,
    on_problem: Callable[[str], object] | None = None,
    draw: Draw = draw_detections,
    tracker: Tracker | None = None,
    **options: Any,
) -> list[str]:
    """Shows what a detector finds, and writes nothing.

    Args:
        detector: any kind of detector.
        sources, every, limit, recursive, on_image, on_problem, draw, tracker: as in
            `detect_to_folder`.
        window: the window to show it in; it is closed at the end.
        options: more arguments of `detect_frames`.

    Returns:
        The problems: one message for each source that could not be read (to its end).
    """
    problems: list[str] = []

    def add_problem(error: ValueError) -> None:
        problems.append(str(error))
        if on_problem is not None:
            on_problem(problems[-1])

    results = detect_frames(
        detector,
        read_sources(sources, recursive=recursive, every=every),
        on_error=add_problem,
        **options,
    )
    pairs = results if tracker is None else follow(results, tracker, on_error=add_problem)
    preview = Preview(window, draw)
    with closing(preview), closing(results):
        count = 0  # of images and frames, with those between the frames that are looked at
        for frame, found in pairs:
            if on_image is not None:
                on_image(found, None)
            count += 1 if frame.number is None else every
            if not preview.show(frame, found) or (limit is not None and count >= limit):
                break
    return problems
