"""Drawn tracks, trails, lines and counts."""

import numpy as np
import pytest

from keras_ssd.results import draw_detections
from keras_ssd.results.drawing import class_color
from keras_ssd.tracking import CountLine, TrackDrawing

IMAGE = np.full((480, 640, 3), 90, np.uint8)


@pytest.fixture
def moving(detections, box_at):
    """Returns the detections in frame n: an object that moves 20 pixels to the right a frame."""

    def at(frame, track=1, **options):
        box = (0, 0.9, box_at(100 + 20 * frame, 240))
        return detections(box, frame=frame, tracks=[track], **options)

    return at


def test_the_first_frame_of_a_track_is_drawn_as_its_detections(moving):
    drawn = TrackDrawing()(IMAGE, moving(0))
    np.testing.assert_array_equal(drawn, draw_detections(IMAGE, moving(0)))
    assert (IMAGE == 90).all()


def test_objects_without_a_number_are_not_drawn(moving):
    np.testing.assert_array_equal(TrackDrawing()(IMAGE, moving(0, track=-1)), IMAGE)


def test_a_trail_leads_from_the_older_to_the_newer_centers_and_gets_stronger(moving):
    drawing = TrackDrawing()
    for frame in range(10):
        drawn = drawing(IMAGE, moving(frame))
    color = np.array(class_color(1), float)
    # The share of the color between the centers (100, 240) and (260, 240), outside the box
    shares = [
        (drawn[240, x] - 90.0) @ (color - 90) / ((color - 90) @ (color - 90))
        for x in range(110, 251, 20)
    ]
    assert 0.3 < shares[0] < shares[-1] < 0.95
    assert (np.diff(shares) >= -0.02).all()
    np.testing.assert_array_equal(drawn[240, :90], IMAGE[240, :90])


def test_a_trail_forgets_what_is_older_than_a_second(moving):
    drawing = TrackDrawing()
    for frame in range(10):
        drawn = drawing(IMAGE, moving(frame, rate=5))
    x = np.flatnonzero((drawn[240] != 90).any(axis=-1))
    # Frames 4 to 9 are in the last second: the trail begins at x = 180, with half its width.
    assert 175 <= x.min() <= 200


def test_a_lost_object_leaves_its_trail_until_it_has_faded(moving, detections):
    drawing = TrackDrawing()
    for frame in range(4):
        drawing(IMAGE, moving(frame, rate=5))
    assert (drawing(IMAGE, detections(frame=5, rate=5, tracks=[])) != IMAGE).any()
    np.testing.assert_array_equal(drawing(IMAGE, detections(frame=10, rate=5, tracks=[])), IMAGE)


def test_another_video_has_no_trails_of_the_one_before(moving):
    drawing = TrackDrawing()
    for frame in range(4):
        drawing(IMAGE, moving(frame))
    drawn = drawing(IMAGE, moving(0, image="b.mp4"))
    np.testing.assert_array_equal(drawn, TrackDrawing()(IMAGE, moving(0)))


def test_a_frame_in_between_is_drawn_with_the_last_detections_again(moving):
    drawing = TrackDrawing([CountLine(150, 0, 150, 480)])
    found = [moving(frame) for frame in range(6)]
    for one in found:
        drawn = drawing(IMAGE, one)
    np.testing.assert_array_equal(drawing(IMAGE, found[-1]), drawn)
    assert drawing.counts()[0]["lines"][0]["right_to_left"] == {"car": 1}


def test_a_line_and_its_counts_are_drawn_at_its_sides(moving):
    line = CountLine(150, 480, 150, 0)  # upward: its right side is on the right
    drawing = TrackDrawing([line])
    before = drawing(IMAGE, moving(0))
    assert (before[400, 150] == 255).all()
    for frame in range(1, 6):
        after = drawing(IMAGE, moving(frame))
    # The plate at the right gets wider, from "0" to "car 1"; the one at the left stays.
    white = [(drawn[240] == 255).all(axis=-1) for drawn in (before, after)]
    assert white[1][152:].sum() > white[0][152:].sum() + 10
    np.testing.assert_array_equal(white[0][:60], white[1][:60])


def test_counts_are_told_for_each_video_and_line(moving):
    lines = [CountLine(150, 480, 150, 0), CountLine(0, 0, 640, 0)]
    drawing = TrackDrawing(lines)
    for image in ("a.mp4", "b.mp4"):
        for frame in range(6):
            drawing.see(moving(frame, image=image))
    of_video = [
        {"line": [150, 480, 150, 0], "left_to_right": {"car": 1}, "right_to_left": {}},
        {"line": [0, 0, 640, 0], "left_to_right": {}, "right_to_left": {}},
    ]
    assert drawing.counts() == [
        {"image": "a.mp4", "lines": of_video},
        {"image": "b.mp4", "lines": of_video},
    ]


def test_a_line_that_leaves_a_tiny_image_is_drawn(detections):
    image = np.full((9, 12, 3), 90, np.uint8)
    drawing = TrackDrawing([CountLine(-50, 4, 5000, 4)])
    drawn = drawing(image, detections(tracks=[], size=(9, 12)))
    assert drawn.shape == image.shape


def test_objects_that_are_not_tracked_are_refused(detections):
    with pytest.raises(ValueError, match=r"^film.mp4: expected tracked objects"):
        TrackDrawing()(IMAGE, detections())
