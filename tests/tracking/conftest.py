"""Detections in the frames of a video that is made up."""

import numpy as np
import pytest

from keras_ssd.results import Detections

NAMES = ("car", "bus", "person")


def detections(*objects, frame=0, rate=25, image="film.mp4", tracks=None, size=(480, 640)):
    """Returns the detections in a frame; each of `objects` is (label, score, box in pixels)."""
    moment = {} if frame is None else {"frame": frame, "time": frame / rate}
    return Detections(
        image=image,
        size=size,
        boxes=np.array([box for _, _, box in objects], np.float32).reshape(-1, 4),
        labels=np.array([label for label, _, _ in objects], np.int32),
        scores=np.array([score for _, score, _ in objects], np.float32),
        class_names=NAMES,
        track_ids=tracks,
        **moment,
    )


def box_at(x, y, width=40, height=40):
    """Returns the corners of the box with the center (x, y)."""
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


@pytest.fixture(name="detections")
def _detections():
    return detections


@pytest.fixture(name="box_at")
def _box_at():
    return box_at
