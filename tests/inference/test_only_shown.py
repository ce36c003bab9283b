"""Frames that a film shows and no network looks at, in `detect_frames`."""

import numpy as np
import pytest

from keras_ssd.inference.pipeline import detect_frames
from keras_ssd.inputs import Frame


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_frames_that_are_only_shown_come_out_in_their_places_without_detections(
    detector, batch_size
):
    frames = [
        Frame(
            np.full((30, 40, 3), number, np.uint8),
            "a.mp4",
            number=number,
            time=number / 25,
            only_shown=number % 3 > 0,
        )
        for number in range(8)
    ]
    results = list(detect_frames(detector, iter(frames), batch_size=batch_size))
    assert [frame for frame, _ in results] == frames
    assert [found.labels.tolist() for _, found in results] == [[0], [], [], [3], [], [], [6], []]
    assert [(found.frame, found.size) for _, found in results] == [(n, (30, 40)) for n in range(8)]
    assert sum(map(len, detector.batches)) == 3
