"""How the frames of a video are turned and mirrored so that they are upright."""

from typing import Any, NamedTuple

import numpy as np

from keras_ssd.images.opencv import cv2


class Orientation(NamedTuple):
    """Rows and columns are swapped first; then the image is mirrored."""

    swapped: bool = False
    mirrored_x: bool = False  # left and right
    mirrored_y: bool = False  # top and bottom

    @property
    def rotation(self) -> int:
        """Returns the rotation in degrees clockwise, without the mirroring of some cameras."""
        if self.swapped:
            return 90 if self.mirrored_x else 270
        return 180 if self.mirrored_y else 0

    def turn(self, image: np.ndarray) -> np.ndarray:
        """Returns the upright image (H, W, 3)."""
        if self.swapped:
            image = cv2.transpose(image)
        if self.mirrored_x:
            image = cv2.flip(image, 1)
        if self.mirrored_y:
            image = cv2.flip(image, 0)
        return image


def orientation_of(frame: Any) -> Orientation:
    """Returns the orientation that the display matrix of a frame of PyAV asks for.

    The matrix maps a pixel (x, y) to (a x + c y, b x + d y). Angles between those of a quarter
    turn are rounded to the nearest.
    """
    for side_data in frame.side_data:
        if side_data.type.name == "DISPLAYMATRIX":
            a, b, _, c, d = np.frombuffer(side_data, np.int32)[:5].tolist()
            if abs(b) > abs(a):
                return Orientation(True, c < 0, b < 0)
            return Orientation(False, a < 0, d < 0)
    return Orientation()
