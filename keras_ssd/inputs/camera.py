"""The input that is a camera of this computer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np

from keras_ssd.images.opencv import cv2
from keras_ssd.inputs.live import LiveInput, live_info
from keras_ssd.video import VideoInfo

_SILENT = 0  # OpenCV's log level
_MOST = 1000  # OpenCV takes larger numbers for other interfaces


class Camera(LiveInput):
    """A webcam.

    Args:
        index: the number of the camera; 0 is the first one.
    """

    def __init__(self, index: int):
        super().__init__(str(index))
        self._index = index
        self._capture: cv2.VideoCapture | None = None

    @property
    def video(self) -> VideoInfo:
        capture = self._capture = self._capture or self._opened()
        width, height = (
            int(capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        rate = Fraction(capture.get(cv2.CAP_PROP_FPS)).limit_denominator(1001)
        return live_info(width, height, rate if rate > 0 else None)

    def images(self, closing: threading.Event) -> Iterator[np.ndarray]:
        capture, self._capture = self._capture or self._opened(), None
        try:
            while True:
                done, image = capture.read()
                if not done:
                    raise ValueError(f"{self.name}: the camera gives no more images")
                yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        finally:
            capture.release()

    def _opened(self):
        if 0 <= self._index < _MOST:
            with _quiet_opencv():
                capture = cv2.VideoCapture(self._index)
            if capture.isOpened():
                return capture
        raise ValueError(f"{self.name}: there is no camera {self.name}, or another program uses it")


@contextmanager
def _quiet_opencv():
    """OpenCV prints several lines about a camera that it cannot open."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
