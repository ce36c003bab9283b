"""What is known about a video and about each of its frames."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


class BrokenVideoError(ValueError):
    """A video that cannot be read, or not to its end; the message names it and says why."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video's header states, and what its first frame adds.

    Attributes:
        width: the width in pixels, after the rotation.
        height: the height in pixels, after the rotation.
        rate: the average number of frames a second; None if the video does not state it.
        time_base: the unit of `VideoFrame.pts`, in seconds.
        start_pts: the time of the first frame, in units of `time_base`.
        frame_count: the number of frames that the header states; None if it states none. The
            number of frames that are read may differ.
        has_audio: whether the file has sound.
        rotation: how the frames are turned so that they are upright: 0, 90, 180 or 270 degrees
            clockwise. `VideoReader` has done it already.
        pixel_aspect: the width of a pixel, divided by its height.
    """

    width: int
    height: int
    rate: Fraction | None
    time_base: Fraction
    start_pts: int = 0
    frame_count: int | None = None
    has_audio: bool = False
    rotation: int = 0
    pixel_aspect: Fraction = Fraction(1)


@dataclass(frozen=True, eq=False)
class VideoFrame:
    """One frame of a video.

    Attributes:
        image: RGB uint8 (H, W, 3), upright.
        number: the number of the frame, from 0.
        pts: the time at which the frame is shown, in units of `VideoInfo.time_base`. It grows
            from frame to frame.
        time: the time since the first frame, in seconds.
    """

    image: np.ndarray
    number: int
    pts: int
    time: float
