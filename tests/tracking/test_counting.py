"""Counts of objects that cross a line."""

import pytest

from keras_ssd.tracking import CountLine, LineCounter, counting

LINE = CountLine(100, 200, 500, 200)  # from left to right: its right side is below


@pytest.fixture
def count(detections, box_at):
    """Counts one object of 40 x 40 pixels that is at one point after another."""

    def run(*points, lines=(LINE,), label=0, track=1):
        counter = LineCounter(lines)
        for frame, point in enumerate(points):
            box = (label, 0.9, box_at(*point))
            counter.update(detections(box, frame=frame, tracks=[track]))
        found = [(dict(of.left_to_right), dict(of.right_to_left)) for of in counter.counts]
        return found[0] if len(found) == 1 else found

    return run


def test_an_object_that_gets_below_a_line_from_left_to_right_gets_to_its_right(count):
    assert count((300, 150), (300, 180), (300, 220), (300, 250)) == ({"car": 1}, {})
    assert count((300, 250), (300, 150)) == ({}, {"car": 1})


def test_the_ends_of_a_line_decide_which_way_is_which(count):
    turned = CountLine(500, 200, 100, 200)
    assert count((300, 150), (300, 250), lines=[turned]) == ({}, {"car": 1})
    upward = CountLine(300, 400, 300, 100)
    assert count((200, 200), (400, 200), lines=[upward]) == ({"car": 1}, {})


def test_a_slanted_line_is_crossed(count):
    slanted = CountLine(100, 100, 300, 300)
    assert count((250, 150), (150, 250), lines=[slanted]) == ({"car": 1}, {})


def test_every_line_counts(count):
    lines = [LINE, CountLine(100, 240, 500, 240), CountLine(100, 400, 500, 400)]
    assert count((300, 150), (300, 300), lines=lines) == [({"car": 1}, {})] * 2 + [({}, {})]


def test_trembling_on_the_line_does_not_count(count):
    # A tenth of 40 pixels is 4 pixels: up to there, the object is on neither side.
    trembling = [(300, 200 + shift) for shift in (3, -3, 4, -4, 2, -1) * 5]
    assert count((300, 150), *trembling) == ({}, {})
    assert count(*trembling) == ({}, {})


def test_an_object_that_trembles_on_the_line_and_goes_on_counts_once(count):
    trembling = [(300, 200 + shift) for shift in (3, -3, 4, -4, 2, -1) * 5]
    assert count((300, 150), *trembling, (300, 250)) == ({"car": 1}, {})


def test_an_object_that_touches_the_line_and_goes_back_does_not_count(count):
    assert count((300, 150), (300, 190), (300, 200), (300, 203), (300, 150)) == ({}, {})


def test_an_object_that_begins_on_the_line_does_not_count(count):
    assert count((300, 200), (300, 202), (300, 250)) == ({}, {})


def test_an_object_that_comes_back_counts_in_both_directions(count):
    points = [(300, 150), (300, 250), (300, 150), (300, 250)]
    assert count(*points) == ({"car": 2}, {"car": 1})


@pytest.mark.parametrize("x", [99, 501])
def test_a_way_past_the_end_points_does_not_count(count, x):
    assert count((x, 150), (x, 250)) == ({}, {})


@pytest.mark.parametrize("x", [100, 500])
def test_a_way_through_an_end_point_counts(count, x):
    assert count((x, 150), (x, 250)) == ({"car": 1}, {})


def test_a_way_around_the_end_and_back_through_the_line_counts_once(count):
    assert count((90, 150), (90, 250), (300, 250), (300, 150)) == ({}, {"car": 1})


def test_the_way_decides_and_not_the_points(count):
    # From (0, 100) to (300, 400) the way passes (100, 200), from (0, 110) it passes (93.1, 200).
    assert count((0, 100), (300, 400)) == ({"car": 1}, {})
    assert count((0, 110), (300, 400)) == ({}, {})


def test_a_gap_in_the_track_on_the_line_makes_no_difference(detections, box_at):
    counter = LineCounter([LINE])
    counter.update(detections((0, 0.9, box_at(300, 150)), tracks=[1]))
    counter.update(detections(tracks=[], frame=1))
    counter.update(detections((0, 0.9, box_at(300, 250)), frame=2, tracks=[1]))
    assert counter.counts[0].left_to_right == {"car": 1}


def test_tracks_and_classes_are_counted_separately(detections, box_at):
    counter = LineCounter([LINE])
    for frame, (y1, y2) in enumerate([(150, 250), (250, 150)]):
        counter.update(
            detections(
                (0, 0.9, box_at(200, y1)),
                (0, 0.9, box_at(300, y1)),
                (1, 0.9, box_at(400, y2)),
                frame=frame,
                tracks=[1, 2, 3],
            )
        )
    assert counter.counts[0].to_record() == {
        "line": [100, 200, 500, 200],
        "left_to_right": {"car": 2},
        "right_to_left": {"bus": 1},
    }


def test_objects_without_a_number_do_not_count(count):
    assert count((300, 150), (300, 250), track=-1) == ({}, {})


def test_objects_that_are_not_tracked_are_refused(detections):
    with pytest.raises(ValueError, match=r"^film.mp4: expected tracked objects"):
        LineCounter([LINE]).update(detections())


def test_a_line_is_parsed():
    assert CountLine.parse("0, 216.5,768,-1") == CountLine(0, 216.5, 768, -1)
    assert str(CountLine.parse("0,216.5,768,-1")) == "0,216.5,768,-1"


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4"])
def test_a_text_that_is_not_four_numbers_is_refused(text):
    with pytest.raises(ValueError, match=r"^line: expected x1,y1,x2,y2 in pixels, not"):
        CountLine.parse(text)


def test_a_line_without_length_or_with_endless_ends_is_refused():
    with pytest.raises(ValueError, match=r"^line: expected two points, but both are 5,6$"):
        CountLine(5, 6, 5, 6)
    with pytest.raises(ValueError, match=r"^line: expected finite numbers"):
        CountLine.parse("0,0,inf,5")


def test_only_the_tracks_that_moved_last_are_remembered(detections, box_at, monkeypatch):
    monkeypatch.setattr(counting, "_MAX_TRACKS", 2)
    counter = LineCounter([LINE])
    for frame, (track, y) in enumerate([(1, 150), (2, 150), (3, 150), (1, 250), (3, 250)]):
        counter.update(detections((0, 0.9, box_at(300, y)), frame=frame, tracks=[track]))
    # Track 1 was forgotten when track 3 came, so that its first known place is below the line.
    assert counter.counts[0].left_to_right == {"car": 1}
