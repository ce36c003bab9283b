"""Counts the objects that cross a line in a video, by class and direction.

An object is where the center of its box is. It is on one side of a line once its center is farther
from the line than a tenth of the shorter side of its box; nearer it is on neither side, so that a
box that trembles on the line is not counted. An object crosses a line when it gets from one side to
the other, and the straight way from its last place on the one side to its first place on the other
leads between the end points. An object that turns and comes back is counted in both directions.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from keras_ssd.results.detections import Detections

_MARGIN = 0.1  # of the shorter side of a box
_MAX_TRACKS = 10_000  # remembered for each line


@dataclass(frozen=True)
class CountLine:
    """A line between two points in an image, in pixels.

    Left and right are those of somebody who stands at the first point and looks at the second, in
    the image as it is shown. Right of a line from the left edge to the right edge is what is below.

    Raises:
        ValueError: the points are the same, or not finite.

    Examples:
        >>> from keras_ssd.tracking import CountLine
        >>> line = CountLine(0, 200, 640, 200)
        >>> line.distance(320, 250), line.distance(320, 150)
        (50.0, -50.0)
    """

    x1: float
    y1: float
    x2: float
    y2: float

    def __post_init__(self):
        if not all(map(math.isfinite, self.corners)):
            raise ValueError(f"line: expected finite numbers of pixels, not {self}")
        if self.length == 0:
            raise ValueError(f"line: expected two points, but both are {self.x1:g},{self.y1:g}")

    def __str__(self) -> str:
        return ",".join(f"{value:g}" for value in self.corners)

    @classmethod
    def parse(cls, text: str) -> "CountLine":
        """Makes the line that a text such as "0,200,640,200" means.

        Raises:
            ValueError: the text is not four numbers, or the line has no length.
        """
        try:
            x1, y1, x2, y2 = map(float, text.split(","))
        except ValueError:
            raise ValueError(f"line: expected x1,y1,x2,y2 in pixels, not {text!r}") from None
        return cls(x1, y1, x2, y2)

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """The end points (x1, y1, x2, y2)."""
        return self.x1, self.y1, self.x2, self.y2

    @property
    def length(self) -> float:
        """The length in pixels."""
        return math.hypot(self.x2 - self.x1, self.y2 - self.y1)

    @property
    def normal(self) -> tuple[float, float]:
        """The direction to the right of the line, of length 1."""
        return -(self.y2 - self.y1) / self.length, (self.x2 - self.x1) / self.length

    def distance(self, x: float, y: float) -> float:
        """Returns the distance of a point to the endless line in pixels, below 0 at its left."""
        right_x, right_y = self.normal
        return (x - self.x1) * right_x + (y - self.y1) * right_y

    def is_crossed(self, start: tuple[float, float], end: tuple[float, float]) -> bool:
        """Tells whether the way between points on both sides leads between the end points."""
        before, after = self.distance(*start), self.distance(*end)
        share = before / (before - after)
        x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
        along = (x - self.x1) * (self.x2 - self.x1) + (y - self.y1) * (self.y2 - self.y1)
        return 0 <= along <= self.length**2


@dataclass
class LineCounts:
    """The objects that crossed one line.

    Attributes:
        line: the line.
        left_to_right: the number of objects of each class that crossed it from left to right.
        right_to_left: the number of those that crossed it the other way.
    """

    line: CountLine
    left_to_right: Counter[str] = field(default_factory=Counter)
    right_to_left: Counter[str] = field(default_factory=Counter)

    def to_record(self) -> dict:
        """Returns the counts as plain values, which JSON can hold."""
        return {
            "line": list(self.line.corners),
            "left_to_right": dict(self.left_to_right),
            "right_to_left": dict(self.right_to_left),
        }


class LineCounter:
    """Counts the tracked objects of one video that cross lines.

    Args:
        lines: the lines.

    Attributes:
        counts: the counts of each line, up to the last frame.

    Examples:
        >>> import keras_ssd
        >>> from keras_ssd.tracking import CountLine, LineCounter
        >>> counter = LineCounter([CountLine(0, 200, 640, 200)])
        >>> for y in (120, 160, 220, 260):
        ...     found = keras_ssd.Detections(
        ...         image="film.mp4",
        ...         size=(480, 640),
        ...         boxes=[[300, y - 20, 340, y + 20]],
        ...         labels=[0],
        ...         scores=[0.9],
        ...         class_names=["car"],
        ...         track_ids=[1],
        ...     )
        ...     counter.update(found)
        >>> counter.counts[0].left_to_right
        Counter({'car': 1})
    """

    def __init__(self, lines: Iterable[CountLine]):
        self.counts = [LineCounts(line) for line in lines]
        # For each line: the last place of each track that is on one side of it.
        self._places: list[dict[int, tuple[float, float]]] = [{} for _ in self.counts]

    def update(self, found: Detections) -> None:
        """Counts the objects that crossed a line since the frame before.

        Args:
            found: the objects in the next frame, with `track_ids`. Those without a number do not
                count.

        Raises:
            ValueError: the objects have no `track_ids`.
        """
        if found.track_ids is None:
            raise ValueError(f"{found.image}: expected tracked objects, but track_ids is None")
        for position in np.flatnonzero(found.track_ids >= 0):
            x1, y1, x2, y2 = found.boxes[position].tolist()
            center = (x1 + x2) / 2, (y1 + y2) / 2
            margin = _MARGIN * min(x2 - x1, y2 - y1)
            for counts, places in zip(self.counts, self._places, strict=True):
                distance = counts.line.distance(*center)
                if abs(distance) <= margin:
                    continue
                track = int(found.track_ids[position])
                before = places.pop(track, center)  # so that the newest is the last
                places[track] = center
                changes_side = counts.line.distance(*before) * distance < 0
                if changes_side and counts.line.is_crossed(before, center):
                    way = counts.left_to_right if distance > 0 else counts.right_to_left
                    way[found.names[position]] += 1
                if len(places) > _MAX_TRACKS:
                    del places[next(iter(places))]
