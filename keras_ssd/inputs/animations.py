"""The input that is an animated WebP image, which FFmpeg does not read."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from keras_ssd.images.limits import check_pixels
from keras_ssd.inputs.frame import Frame
from keras_ssd.inputs.input import Input
from keras_ssd.video import BrokenVideoError, VideoInfo

if TYPE_CHECKING:
    from PIL.WebPImagePlugin import WebPImageFile

_TIME_BASE = Fraction(1, 1000)  # WebP counts in milliseconds
_USUAL = 100  # milliseconds, of a picture that states none, as in browsers


class WebpAnimation(Input):
    """An animated WebP image, which needs Pillow.

    Args:
        path: the path of the file.
        name: the name of the input; None takes the path.
    """

    def __init__(self, path: str, name: str | None = None):
        super().__init__(path if name is None else name)
        self.path: str = path

    @property
    def video(self) -> VideoInfo:
        with self._opened() as image:
            width, height = image.size
        durations = _durations(self.path)
        rate = Fraction(len(durations), sum(durations)) / _TIME_BASE if durations else None
        return VideoInfo(width, height, rate, _TIME_BASE, frame_count=len(durations))

    def frames(self, start: int = 0) -> Iterator[Frame]:
        pts, durations = 0, _durations(self.path)
        with self._opened() as image:
            for number, duration in enumerate(durations):
                picture = self._picture(image, number)
                if number >= start:
                    yield Frame(picture, self.name, number, float(pts * _TIME_BASE), pts)
                pts += duration

    def _picture(self, image, number) -> np.ndarray:
        try:
            image.seek(number)
            return np.array(image.convert("RGB"))
        except Exception as error:  # damaged files make Pillow raise errors of many kinds
            raise BrokenVideoError(
                f"{self.name}: the animation is damaged at frame {number} ({error})"
            ) from error

    @contextmanager
    def _opened(self) -> "Iterator[WebPImageFile]":
        try:
            from PIL.WebPImagePlugin import WebPImageFile

            image = WebPImageFile(self.path)
        except ImportError as error:
            raise ValueError(
                f"{self.name}: animated WebP images need Pillow: pip install pillow"
            ) from error
        except Exception as error:  # damaged files make Pillow raise errors of many kinds
            raise BrokenVideoError(f"{self.name}: Pillow cannot read it ({error})") from error
        with image:
            check_pixels(*image.size, self.name)
            yield image


def _durations(path):
    """How long each picture of an animated WebP is shown, in milliseconds, from its headers."""
    durations = []
    with open(path, "rb") as file:
        file.seek(12)  # the header of the file
        while len(chunk := file.read(24)) == 24:
            size = int.from_bytes(chunk[4:8], "little")
            if chunk.startswith(b"ANMF"):
                durations.append(int.from_bytes(chunk[20:23], "little") or _USUAL)
            file.seek(size + size % 2 + 8 - len(chunk), os.SEEK_CUR)
    return durations
