"""Gives the objects in a video numbers that they keep, with the ByteTrack of the package trackers.

ByteTrack (Zhang et al. 2022, https://arxiv.org/abs/2110.06864) predicts each box from its motion,
and joins it with the detection that overlaps the prediction most: first among those with a high
score, then among the others. The package is Apache-2.0 and needs no deep learning library.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from keras_ssd.extras import require
from keras_ssd.geometry import iou
from keras_ssd.results.detections import Detections

_MIN_IOU = 0.2  # of a detection and the predicted box of a track that takes it
_SAME_OBJECT = 0.8  # IoU from which boxes of two classes are taken as one object
_DEFAULT_RATE = 30.0  # frames per second of images without times, and the rate of lost_track_buffer
_MIN_RATE, _MAX_RATE = 0.01, 240.0
# An object may be missing for 3 frames at least. The half makes up for times that are not exact.
_MIN_LOST_FRAMES = 3.5


class Tracker:
    """Gives each object in the frames of one video a number, in order of their appearance.

    An object has the number -1 in the first frame where it is found, as it may be a mistake, and
    gets its number in the next one. Objects with a score below `start_threshold` begin no track. A
    track goes on with them, and they are left out if none does.

    A detector may call one object a bus in one frame and a car in the next, or both in the same
    frame. So a track goes on with a box of any class, and of boxes of several classes that nearly
    coincide only the best gets a number. The label of an object with a number is the class with
    the largest sum of scores in its track so far.

    Args:
        start_threshold: the lowest score with which a track begins.
        lost_seconds: the time for which an object keeps its number while it is not found. It is
            three frames at least.
        by_class: whether a track goes on only with boxes of its own class. This suits classes that
            are often on top of each other, such as a person and a horse, if the detector seldom
            confuses them.

    Raises:
        ValueError: an argument is out of range.
        ImportError: the package trackers is not installed.

    Examples:
        >>> import keras_ssd
        >>> tracker = keras_ssd.tracking.Tracker()
        >>> for frame, x in enumerate([10, 14, 18]):
        ...     found = keras_ssd.Detections(
        ...         image="film.mp4",
        ...         size=(480, 640),
        ...         boxes=[[x, 20, x + 100, 120], [300, 50, 420, 200]],
        ...         labels=[0, 1],
        ...         scores=[0.9, 0.3],
        ...         class_names=["car", "bus"],
        ...         frame=frame,
        ...         time=frame / 25,
        ...     )
        ...     tracked = tracker.update(found)
        ...     print(tracked.names, tracked.track_ids)
        ('car',) [-1]
        ('car',) [1]
        ('car',) [1]
    """

    def __init__(
        self, *, start_threshold: float = 0.4, lost_seconds: float = 1.0, by_class: bool = False
    ):
        if not 0 <= start_threshold <= 1:
            raise ValueError(f"start_threshold: expected 0 to 1, not {start_threshold}")
        if not 0 <= lost_seconds < math.inf:
            raise ValueError(f"lost_seconds: expected 0 or more, not {lost_seconds}")
        self._trackers = require("trackers", extra="track")
        self._supervision = require("supervision", extra="track")
        self._start_threshold, self._lost_seconds = start_threshold, lost_seconds
        self._by_class = by_class
        self.reset()

    def reset(self) -> None:
        """Forgets all objects, before the first frame of another video, which begins at 1 again."""
        self._last: Detections | None = None
        self._rate: float | None = None  # known from the second frame on
        self._clock = 0.0  # seconds, which grow with each frame
        self._of_group: dict[int | None, Any] = {}  # a tracker for each label, or one for all
        self._tracks: dict[tuple[int | None, int], _Track] = {}
        self._count = 0

    def update(self, found: Detections) -> Detections:
        """Returns the objects in the next frame with their numbers, without those of low scores.

        Args:
            found: the objects in a frame. Frames come in order, but some may be left out. Times are
                taken into account; images without times are taken as 30 frames a second.

        Returns:
            The objects with `track_ids`, from 1 on or -1, in the same order. Those without a number
            have at least the score `start_threshold`, and the labels of those with a number are
            the classes of their tracks.

        Raises:
            ValueError: the frame is not a later one of the same video.
        """
        self._check_order(found)
        last, self._last = self._last, found
        ids, labels = np.full(len(found), -1), found.labels.copy()
        if last is not None:  # nothing has a number in the first frame
            if self._rate is None:
                self._rate = self._rate_between(last, found)
                self._advance(last)
            self._clock += self._step(last, found)
            for position, track in sorted(self._advance(found).items()):
                if track.number is None:
                    self._count += 1
                    track.number = self._count
                track.scores[labels[position]] += found.scores[position]
                ids[position], labels[position] = track.number, track.scores.argmax()
        tracked = replace(found, track_ids=ids, labels=labels)
        return tracked[(ids >= 0) | (found.scores >= self._start_threshold)]

    def _check_order(self, found):
        last = self._last
        if last is None or found.frame is last.frame is None:
            return
        if last.image != found.image or None in (found.frame, last.frame):
            raise ValueError(f"{found.image}: expected a frame of {last.image}; call `reset` first")
        if found.frame <= last.frame:
            raise ValueError(
                f"{found.image}: expected a frame after {last.frame}, not {found.frame}; call "
                "`reset` before the first frame of a video"
            )

    def _rate_between(self, last, found):
        step = _seconds(last, found)
        return min(max(1 / step, _MIN_RATE), _MAX_RATE) if step > 0 else _DEFAULT_RATE

    def _step(self, last, found):
        step = _seconds(last, found)
        return step if step > 0 else 1 / self._rate  # times that do not grow say nothing

    def _advance(self, found):
        """Takes the trackers to this frame; returns the tracks of the objects, by position."""
        groups = self._groups(found)
        for group in groups:
            if group not in self._of_group:
                self._of_group[group] = self._new_tracker()
        tracks = {}
        for group, tracker in self._of_group.items():
            ids = self._ids(tracker, found, groups.get(group, np.empty(0, int)))
            for position, number in ids:
                track = self._tracks.setdefault((group, number), _Track(len(found.class_names)))
                tracks[position] = track
        alive = {
            (group, track.tracker_id)
            for group, tracker in self._of_group.items()
            for track in tracker.tracks
        }
        self._tracks = {key: track for key, track in self._tracks.items() if key in alive}
        return tracks

    def _groups(self, found):
        """Returns the positions of the objects to follow, by label if each class has a tracker."""
        if self._by_class:
            return {
                label: np.flatnonzero(found.labels == label)
                for label in np.unique(found.labels).tolist()
            }
        return {None: _without_coinciding(found)}

    def _new_tracker(self):
        lost_seconds = max(self._lost_seconds, _MIN_LOST_FRAMES / self._rate)
        return self._trackers.ByteTrackTracker(
            lost_track_buffer=math.ceil(lost_seconds * _DEFAULT_RATE),
            frame_rate=self._rate,
            track_activation_threshold=self._start_threshold,
            high_conf_det_threshold=self._start_threshold,
            minimum_consecutive_frames=2,
            minimum_iou_threshold=_MIN_IOU,
        )

    def _ids(self, tracker, found, positions) -> Iterable[tuple[int, int]]:
        """Takes a tracker to this frame; returns the positions of objects in tracks, and the
        tracker's own numbers of these tracks.
        """
        tracked = tracker.update(
            self._supervision.Detections(
                xyxy=found.boxes[positions].astype(float),
                confidence=found.scores[positions],
                data={"position": positions},
            ),
            timestamp=self._clock,
        )
        if not len(tracked):
            return []
        known = tracked.tracker_id >= 0
        return zip(
            tracked.data["position"][known].tolist(),
            tracked.tracker_id[known].tolist(),
            strict=True,
        )


class _Track:
    """What is known of one track: its number, and the sum of the scores of each class."""

    def __init__(self, num_classes: int) -> None:
        self.number: int | None = None
        self.scores = np.zeros(num_classes)


def _seconds(last, found):
    if None in (last.time, found.time):
        return 1 / _DEFAULT_RATE
    return found.time - last.time


def _without_coinciding(found):
    """Returns the positions of the objects that coincide with none of another class and a higher
    score. Objects of one class that coincide are two objects, as NMS has left both.
    """
    best_first = np.argsort(-found.scores, kind="stable")
    other_class = found.labels[:, None] != found.labels
    same = other_class & (iou(found.boxes, found.boxes) > _SAME_OBJECT)
    kept: list[int] = []
    for position in best_first.tolist():
        if not same[position, kept].any():
            kept.append(position)
    return np.array(sorted(kept), int)
