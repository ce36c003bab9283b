"""The ways that tracked objects took in the last second, as lines that fade."""

from collections import deque

import numpy as np

from keras_ssd.images.opencv import cv2
from keras_ssd.results.detections import Detections
from keras_ssd.results.drawing import class_color, line_width_in

_DEFAULT_RATE = 30.0  # frames per second of images without times
_STRONGEST = 0.9  # the share of the color at the new end of a trail


class Trails:
    """Remembers where the centers of tracked objects were, and draws it.

    Args:
        seconds: the time that a trail goes back.
    """

    def __init__(self, seconds: float = 1.0):
        self._seconds = seconds
        self._now = 0.0
        self._frames = 0
        self._places: dict[int, deque[tuple[float, float, float]]] = {}  # (time, x, y)

    def add(self, found: Detections) -> None:
        """Adds the objects in the next frame, and forgets what is older than the trails."""
        self._frames += 1
        self._now = self._frames / _DEFAULT_RATE if found.time is None else found.time
        if found.track_ids is not None:
            centers = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
            for track, center in zip(found.track_ids.tolist(), centers.tolist(), strict=True):
                if track >= 0:
                    self._places.setdefault(track, deque()).append((self._now, *center))
        for track, places in list(self._places.items()):
            while places and places[0][0] < self._now - self._seconds:
                places.popleft()
            if not places:
                del self._places[track]

    def draw(self, image: np.ndarray) -> None:
        """Draws the trails into an image, RGB uint8 (H, W, 3); older parts are fainter."""
        colors = np.zeros_like(image)
        strength = np.zeros(image.shape[:2], np.float32)
        width = 2 * line_width_in(image)
        for track, places in self._places.items():
            points = [(round(x), round(y)) for _, x, y in places]
            for (time, _, _), start, end in zip(places, points, points[1:], strict=False):
                age = (self._now - time) / self._seconds
                cv2.line(colors, start, end, class_color(track), width)
                cv2.line(strength, start, end, _STRONGEST * (1 - age), width)
        drawn = strength > 0
        share = strength[drawn, None]
        mixed = share * colors[drawn] + (1 - share) * image[drawn]
        image[drawn] = np.rint(mixed).astype(np.uint8)
