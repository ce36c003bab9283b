"""Detections in images and frames, and journals of them."""

import pytest

from keras_ssd.outputs.journal import Entry, Journal
from keras_ssd.results import Detections

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
