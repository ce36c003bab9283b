"""Live inputs: what arrives while nobody looks is dropped, so that nothing is ever late."""

import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from keras_ssd.inputs.frame import Frame
from keras_ssd.inputs.input import Input
from keras_ssd.video import VideoInfo

_TIME_BASE = Fraction(1, 90_000)  # the usual one of cameras
_PATIENCE = 2  # seconds that the end of an input waits for its thread


def live_info(width: int, height: int, rate: Fraction | None = None) -> VideoInfo:
    """The `VideoInfo` of a live input, of frames that `stamped` has given their times."""
    return VideoInfo(width, height, rate, _TIME_BASE)


def stamped(images: Iterator[np.ndarray], name: str, start: int) -> Iterator[Frame]:
    """Yields images, RGB uint8 (H, W, 3), as frames, numbered and with the times they arrive at.

    Args:
        images: the images, as they arrive.
        name: the name of the input.
        start: the number of the first frame.
    """
    begin, pts = None, -1
    for number, image in enumerate(images, start):
        now = time.monotonic()
        begin = now if begin is None else begin
        pts = max(pts + 1, round((now - begin) / _TIME_BASE))
        yield Frame(image, name, number, float(pts * _TIME_BASE), pts)


class LiveInput(Input):
    """The base class of inputs whose images arrive at times of their own, such as a camera's.

    A thread reads them and keeps the newest only. The numbers of frames also count those that
    nobody waited for.
    """

    @property
    def live(self) -> bool:
        return True

    def images(self, closing: threading.Event) -> Iterator[np.ndarray]:
        """Yields every image, RGB uint8 (H, W, 3), as soon as it arrives.

        Args:
            closing: an event that is set when no more images are wanted.
        """
        raise NotImplementedError

    def frames(self, start: int = 0) -> Iterator[Frame]:
        closing = threading.Event()
        return newest(lambda: stamped(self.images(closing), self.name, start), closing)


def newest(read: Callable[[], Iterator[Frame]], closing: threading.Event) -> Iterator[Frame]:
    """Yields the newest frame each time that one is asked for, and never the same one twice.

    Args:
        read: a function that a thread calls; it gives the frames as they arrive.
        closing: an event that is set when no more frames are wanted.

    Raises:
        Exception: what the iterator of frames raised, after its last frame.
    """
    slot = _Slot()

    def keep_newest():
        error, frames = None, read()
        try:
            for frame in frames:
                slot.put(frame)
                if closing.is_set():
                    break
            frames.close()
        except BaseException as raised:
            error = raised
        slot.end(error)

    thread = threading.Thread(target=keep_newest, name="keras-ssd live input", daemon=True)
    thread.start()
    try:
        while (frame := slot.take()) is not None:
            yield frame
    finally:
        closing.set()
        thread.join(_PATIENCE)


class _Slot:
    """A place for one frame: a thread puts frames there, and another takes the newest."""

    def __init__(self):
        self._changed = threading.Condition()
        self._frame, self._error, self._ended = None, None, False

    def put(self, frame: Frame) -> None:
        with self._changed:
            self._frame = frame
            self._changed.notify()

    def end(self, error: BaseException | None) -> None:
        with self._changed:
            self._error, self._ended = error, True
            self._changed.notify()

    def take(self) -> Frame | None:
        """The newest frame, once there is one; None or an error after the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended)
            frame, self._frame = self._frame, None
            if frame is None and self._error is not None:
                raise self._error
            return frame
