"""The input that is the screen of this computer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from keras_ssd.extras import require
from keras_ssd.inputs.frame import Frame
from keras_ssd.inputs.input import Input
from keras_ssd.inputs.live import live_info, stamped
from keras_ssd.video import VideoInfo


class Screen(Input):
    """The first screen, in a picture that is taken each time that one is asked for."""

    def __init__(self):
        super().__init__("screen")

    @property
    def video(self) -> VideoInfo:
        with self._grabber() as (_, area):
            return live_info(area["width"], area["height"])

    @property
    def live(self) -> bool:
        return True

    def frames(self, start: int = 0) -> Iterator[Frame]:
        return stamped(self._images(), self.name, start)

    def _images(self):
        with self._grabber() as (grabber, area):
            while True:
                shot = grabber.grab(area)
                bgra = np.frombuffer(shot.bgra, np.uint8).reshape(shot.height, shot.width, 4)
                yield np.ascontiguousarray(bgra[:, :, 2::-1])

    @contextmanager
    def _grabber(self) -> Iterator[tuple[Any, dict]]:
        """What takes pictures, and the area of the first screen."""
        try:
            mss = require("mss", extra="screen")
        except ImportError as error:
            raise ValueError(f"{self.name}: {error}") from error
        try:
            with mss.MSS() as grabber:
                yield grabber, grabber.monitors[1]  # 0 is all of them together
        except mss.ScreenShotError as error:
            raise ValueError(f"{self.name}: the screen cannot be read ({error})") from error
