"""One picture of an input, and where it comes from."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)  # == of arrays has more than one truth value
class Frame:
    """A still image, or one frame of a video.

    Attributes:
        image: uint8 RGB (H, W, 3), upright.
        source: the name of the input that the frame comes from.
        number: the position of the frame in its video, from 0; None for a still image.
        time: the seconds since the start of the video, or since the first frame of a live input;
            None for a still image.
        pts: the same time in units of the video's `time_base`; None for a still image.
        live: whether the frame is of a live input, so that it does not wait for others.
        only_shown: whether the network does not look at the frame, which a film shows in between.

    Examples:
        >>> import numpy as np
        >>> from keras_ssd.inputs import Frame
        >>> Frame(np.zeros((480, 640, 3), np.uint8), "film.mp4", number=50, time=2.0)
        frame 50 of film.mp4 (640 x 480 pixels)
    """

    image: np.ndarray
    source: str
    number: int | None = None
    time: float | None = None
    pts: int | None = None
    live: bool = False
    only_shown: bool = False

    def __repr__(self) -> str:
        height, width = self.image.shape[:2]
        name = self.source if self.number is None else f"frame {self.number} of {self.source}"
        return f"{name} ({width} x {height} pixels)"
