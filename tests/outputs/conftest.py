"""Detections in images and frames, journals of them, and small films."""

from fractions import Fraction

import numpy as np
import pytest

from keras_ssd.outputs.entry import Entry
from keras_ssd.outputs.journal import Journal
from keras_ssd.results import Detections
from keras_ssd.video import VideoInfo, VideoReader, VideoWriter, join_parts

NAMES = ("cat", "dog: small", "person")


def detections(image, count=2, *, size=(100, 200), frame=None, time=None, track_ids=None):
    """Finds a cat of score 0.9 and a person of score 0.25, or as many of them as `count` says."""
    boxes = [[10, 20, 110.5, 70], [0, 0, 200, 100]][:count]
    labels, scores = [0, 2][:count], [0.9, 0.25][:count]
    return Detections(image, size, boxes, labels, scores, NAMES, frame, time, track_ids)


@pytest.fixture
def found():
    return detections


@pytest.fixture
def new_journal(tmp_path):
    """Makes a journal with an entry for each pair of a name and detections."""
    opened = []

    def make(*pairs, path=tmp_path / "journal.jsonl"):
        journal = Journal.create(path, {"confidence": 0.5}, NAMES)
        opened.append(journal)
        for name, found in pairs:
            journal.append(Entry(name, found))
        return journal

    yield make
    for journal in opened:
        journal.close()


@pytest.fixture
def new_film():
    """Writes a video of 10 frames a second, in which the fake detector finds one label a frame."""
    pytest.importorskip("av")

    def write(path, labels, size=(48, 64)):
        path.parent.mkdir(parents=True, exist_ok=True)
        info = VideoInfo(size[1], size[0], Fraction(10), Fraction(1, 10))
        part = path.with_suffix(".part.mp4")
        with VideoWriter(part, info) as video:
            for number, label in enumerate(labels):
                video.write(np.full((*size, 3), label, np.uint8), number)
        join_parts([part], path)
        part.unlink()
        return path

    return write


@pytest.fixture
def frames_of():
    """Reads the time and the color in the corner, where nothing is drawn, of each frame."""

    def read(path):
        with VideoReader(path) as video:
            return [(f.time, int(f.image[-2:, -2:].mean().round())) for f in video.frames()]

    return read
