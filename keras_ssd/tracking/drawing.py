"""Draws tracked objects with their trails, and the lines at which they are counted."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_ssd.images import checked_image
from keras_ssd.images.opencv import cv2
from keras_ssd.results.detections import Detections
from keras_ssd.results.drawing import (
    draw_detections,
    letter_height_in,
    line_width_in,
    shrink_into,
    text_plate,
)
from keras_ssd.tracking.counting import CountLine, LineCounter, LineCounts
from keras_ssd.tracking.following import continues
from keras_ssd.tracking.trails import Trails

_LINE_COLOR, _EDGE_COLOR = (255, 255, 255), (0, 0, 0)


class TrackDrawing:
    """Draws the tracked objects in the frames of videos, and counts those that cross lines.

    Objects that have no number (yet) are not drawn. A trail shows where the center of an object was
    in the last second. At each side of a line is the number of objects of each class that got to
    this side; see `keras_ssd.tracking.counting` for what counts.

    Args:
        lines: the lines at which objects are counted.

    Examples:
        >>> import keras_ssd, numpy as np
        >>> from keras_ssd.tracking import CountLine, TrackDrawing
        >>> drawing = TrackDrawing([CountLine(0, 200, 640, 200)])
        >>> found = keras_ssd.Detections(
        ...     image="film.mp4",
        ...     size=(480, 640),
        ...     boxes=[[300, 100, 340, 140]],
        ...     labels=[0],
        ...     scores=[0.9],
        ...     class_names=["car"],
        ...     frame=0,
        ...     time=0.0,
        ...     track_ids=[1],
        ... )
        >>> drawing(np.zeros((480, 640, 3), np.uint8), found).shape
        (480, 640, 3)
        >>> drawing.counts()
        [{'image': 'film.mp4', 'lines': [{'line': [0, 200, 640, 200], 'left_to_right': {}, \
'right_to_left': {}}]}]
    """

    def __init__(self, lines: Iterable[CountLine] = ()):
        self._lines = list(lines)
        self._last: Detections | None = None
        self._trails, self._counter = Trails(), LineCounter(self._lines)
        self._counters: list[tuple[str, LineCounter]] = []  # of each video, with its name

    def see(self, found: Detections) -> None:
        """Adds the objects in the next frame; the same object again changes nothing.

        Raises:
            ValueError: the objects are not tracked, or the image is no frame of a video.
        """
        if found is self._last:
            return
        if not continues(self._last, found):
            self._trails, self._counter = Trails(), LineCounter(self._lines)
            self._counters.append((found.image, self._counter))
        self._last = found
        self._trails.add(found)
        self._counter.update(found)

    def __call__(self, image: np.ndarray, found: Detections) -> np.ndarray:
        """Returns a copy of an image with the objects, trails, lines and counts.

        Args:
            image: RGB uint8 (H, W, 3), the next frame, or one between it and the frame after it.
            found: the tracked objects in the frame.
        """
        self.see(found)
        drawn = checked_image(image, "image").copy()
        self._trails.draw(drawn)
        if found.track_ids is not None:
            found = found[found.track_ids >= 0]
        drawn = draw_detections(drawn, found)
        for counts in self._counter.counts:
            _draw_line(drawn, counts)
        return drawn

    def counts(self) -> list[dict[str, Any]]:
        """Returns the counts of each video as plain values, which JSON can hold.

        Returns:
            Dictionaries of "image" (the video, or the first of numbered images) and "lines": for
            each line its "line" (x1, y1, x2, y2) and the numbers of objects that crossed it,
            "left_to_right" and "right_to_left", by class.
        """
        return [
            {"image": image, "lines": [counts.to_record() for counts in counter.counts]}
            for image, counter in self._counters
        ]


def _draw_line(image, counts: LineCounts):
    line, width = counts.line, line_width_in(image)
    start, end = ((round(x), round(y)) for x, y in ((line.x1, line.y1), (line.x2, line.y2)))
    cv2.line(image, start, end, _EDGE_COLOR, 3 * width, cv2.LINE_AA)
    cv2.line(image, start, end, _LINE_COLOR, width, cv2.LINE_AA)
    _draw_counts(image, line, counts.left_to_right, 1)
    _draw_counts(image, line, counts.right_to_left, -1)


def _draw_counts(image, line, counts, side):
    """Writes the counts beside the middle of the line: at its right if the side is 1, or -1."""
    text = ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "0"
    plate = text_plate(text, _LINE_COLOR, letter_height_in(image))
    plate = shrink_into(plate, *image.shape[:2])
    height, width = plate.shape[:2]
    right_x, right_y = line.normal
    # The plate touches the edge of the line: so far away is its center.
    away = abs(right_x) * width / 2 + abs(right_y) * height / 2 + 2 * line_width_in(image)
    x = (line.x1 + line.x2) / 2 + side * right_x * away - width / 2
    y = (line.y1 + line.y2) / 2 + side * right_y * away - height / 2
    left = round(min(max(x, 0), image.shape[1] - width))
    top = round(min(max(y, 0), image.shape[0] - height))
    image[top : top + height, left : left + width] = plate
