"""Numbers that objects keep over the frames of a video."""

import sys

import numpy as np
import pytest

from keras_ssd.tracking import Tracker


def update_all(tracker, frames):
    return [tracker.update(found) for found in frames]


def ids(results):
    return [found.track_ids.tolist() for found in results]


@pytest.fixture
def car(detections, box_at):
    """Returns the detections in frame n: a car that moves 6 pixels a frame."""

    def at(frame, *others, score=0.9, label=0, **options):
        return detections(
            (label, score, box_at(50 + 6 * frame, 100, 80)), *others, frame=frame, **options
        )

    return at


def test_an_object_gets_its_number_in_its_second_frame_and_keeps_it(car):
    assert ids(update_all(Tracker(), map(car, range(5)))) == [[-1], [1], [1], [1], [1]]


def test_numbers_are_given_in_the_order_of_appearance(car, box_at):
    later = (0, 0.95, box_at(500, 300))
    frames = [car(0), car(1), *(car(n, later) for n in (2, 3, 4))]
    assert ids(update_all(Tracker(), frames)) == [[-1], [1], [1, -1], [1, 2], [1, 2]]


def test_two_objects_that_appear_together_are_numbered_in_the_order_of_the_detections(
    detections, box_at
):
    frames = [
        detections((0, 0.9, box_at(500, 300)), (0, 0.8, box_at(100, 100)), frame=n)
        for n in range(3)
    ]
    assert ids(update_all(Tracker(), frames)) == [[-1, -1], [1, 2], [1, 2]]


def test_objects_are_numbered_by_the_order_in_the_frame_in_which_they_get_their_numbers(
    detections, box_at
):
    a, b = box_at(500, 300), box_at(100, 100)
    frames = [
        detections((0, 0.9, a), (0, 0.8, b), frame=0),
        detections((0, 0.9, b), (0, 0.8, a), frame=1),
    ]
    assert ids(update_all(Tracker(), frames)) == [[-1, -1], [1, 2]]


def test_ids_belong_to_the_objects_in_any_order_of_the_detections(detections, box_at):
    a, b = box_at(100, 100), box_at(500, 300)
    orders = [((0, 0.9, a), (0, 0.8, b)), ((0, 0.9, a), (0, 0.8, b)), ((0, 0.9, b), (0, 0.8, a))]
    frames = [detections(*objects, frame=n) for n, objects in enumerate(orders)]
    assert ids(update_all(Tracker(), frames))[1:] == [[1, 2], [2, 1]]


def test_everything_but_the_ids_stays_as_it_was(car):
    frames = [car(n, (2, 0.4, [0, 0, 9, 9])) for n in range(3)]
    for before, after in zip(frames, update_all(Tracker(), frames), strict=True):
        np.testing.assert_array_equal(after.boxes, before.boxes)
        np.testing.assert_array_equal(after.scores, before.scores)
        np.testing.assert_array_equal(after.labels, before.labels)
        assert (after.image, after.frame, after.time) == (before.image, before.frame, before.time)
        assert before.track_ids is None


def test_frames_without_objects_have_empty_ids(detections, car):
    frames = [detections(frame=0), detections(frame=1), car(2), car(3), detections(frame=4)]
    assert ids(update_all(Tracker(), frames)) == [[], [], [-1], [1], []]


@pytest.mark.parametrize(("missing", "number"), [(20, 1), (28, 2)])
def test_a_number_is_kept_for_a_second_without_the_object(detections, car, missing, number):
    frames = [car(0), car(1), car(2), car(3)]
    frames += [detections(frame=n) for n in range(4, 4 + missing)]
    frames += [car(4 + missing), car(5 + missing)]
    assert ids(update_all(Tracker(), frames))[-1] == [number]


def test_lost_seconds_say_how_long_a_number_is_kept(detections, car):
    empty = [detections(frame=n) for n in range(4, 32)]
    frames = [car(0), car(1), car(2), car(3), *empty, car(32), car(33)]
    assert ids(update_all(Tracker(lost_seconds=2), frames))[-1] == [1]


def test_an_object_may_be_missing_for_three_frames_at_any_rate(detections, car):
    frames = [car(n, rate=0.5) for n in range(3)]
    frames += [detections(frame=n, rate=0.5) for n in (3, 4)] + [car(5, rate=0.5)]
    assert ids(update_all(Tracker(), frames))[-1] == [1]


def test_a_low_score_goes_on_with_a_track_but_begins_none_and_is_left_out(car, box_at):
    low = (2, 0.39, box_at(500, 300))
    frames = [car(n, low, score=0.9 if n < 2 else 0.1) for n in range(5)]
    results = update_all(Tracker(), frames)
    assert ids(results) == [[-1], [1], [1], [1], [1]]
    assert [found.names for found in results] == [("car",)] * 5
    frames = [car(n, score=0.39) for n in range(5)]
    assert ids(update_all(Tracker(), frames)) == [[]] * 5
    assert ids(update_all(Tracker(start_threshold=0.3), frames)) == [[-1], [1], [1], [1], [1]]


def test_a_track_has_the_class_with_the_largest_sum_of_scores(car):
    labels, scores = [1, 1, 1, 0, 0, 1], [0.5, 0.4, 0.4, 0.7, 0.9, 0.7]
    frames = [car(n, label=labels[n], score=scores[n]) for n in range(6)]
    results = update_all(Tracker(), frames)
    assert ids(results)[1:] == [[1]] * 5
    # Sums from the second frame on, of bus and car: 0.4, 0; 0.8, 0; 0.8, 0.7; 0.8, 1.6; 1.5, 1.6
    assert [found.labels.tolist() for found in results] == [[1], [1], [1], [1], [0], [0]]
    np.testing.assert_allclose([found.scores[0] for found in results], scores)


def test_of_boxes_that_coincide_only_the_best_gets_a_number(car, box_at):
    frames = [car(n, (1, 0.95, box_at(52 + 6 * n, 101, 80))) for n in range(3)]
    results = update_all(Tracker(), frames)
    assert ids(results) == [[-1, -1], [-1, 1], [-1, 1]]
    assert [found.labels.tolist() for found in results] == [[0, 1]] * 3


def test_by_class_each_class_has_its_own_tracks(car, box_at):
    frames = [car(n, (1, 0.95, box_at(52 + 6 * n, 101, 80))) for n in range(3)]
    assert ids(update_all(Tracker(by_class=True), frames)) == [[-1, -1], [1, 2], [1, 2]]
    frames = [car(n, label=n // 2) for n in range(4)]
    results = update_all(Tracker(by_class=True), frames)
    assert ids(results) == [[-1], [1], [-1], [2]]
    assert [found.labels.tolist() for found in results] == [[0], [0], [1], [1]]


def test_crossing_objects_keep_their_numbers(detections, box_at):
    frames = [
        detections(
            (0, 0.9, box_at(100 + 10 * n, 200 + n)),
            (0, 0.8, box_at(400 - 10 * n, 230 - n)),
            frame=n,
        )
        for n in range(31)
    ]
    assert ids(update_all(Tracker(), frames))[1:] == [[1, 2]] * 30


def test_reset_begins_with_1_again(car):
    tracker = Tracker()
    update_all(tracker, map(car, range(3)))
    tracker.reset()
    assert ids(update_all(tracker, map(car, range(3)))) == [[-1], [1], [1]]


@pytest.mark.parametrize("frame", [0, 1])
def test_a_frame_that_is_not_later_is_refused(car, frame):
    tracker = Tracker()
    update_all(tracker, [car(0), car(1)])
    with pytest.raises(ValueError, match=rf"^film.mp4: expected a frame after 1, not {frame}"):
        tracker.update(car(frame))


def test_a_frame_of_another_video_is_refused(car):
    tracker = Tracker()
    tracker.update(car(0))
    with pytest.raises(ValueError, match=r"^b.mp4: expected a frame of film.mp4; call `reset`"):
        tracker.update(car(1, image="b.mp4"))


def test_times_that_do_not_grow_are_taken_as_the_usual_step(detections, box_at):
    frames = [detections((0, 0.9, box_at(100, 100)), frame=n, rate=1e9) for n in range(5)]
    object.__setattr__(frames[3], "time", 0.0)
    assert ids(update_all(Tracker(), frames)) == [[-1], [1], [1], [1], [1]]


def test_images_without_times_are_tracked(car, detections, box_at):
    frames = [
        detections((0, 0.9, box_at(100 + n, 100)), frame=None, image=f"{n}.jpg") for n in range(3)
    ]
    assert ids(update_all(Tracker(), frames)) == [[-1], [1], [1]]


def test_boxes_without_area_are_no_error(detections):
    frames = [
        detections((0, 0.9, [5, 5, 5, 5]), (0, 0.9, [9, 9, 9, 20]), frame=n) for n in range(4)
    ]
    assert [len(found) for found in update_all(Tracker(), frames)] == [2] * 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start_threshold": 1.5}, "start_threshold: expected 0 to 1, not 1.5"),
        ({"lost_seconds": -1}, "lost_seconds: expected 0 or more, not -1"),
        ({"lost_seconds": float("nan")}, "lost_seconds: expected 0 or more, not nan"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Tracker(**arguments)


def test_without_the_package_a_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "trackers", None)
    with pytest.raises(ImportError, match=r'pip install "keras-ssd\[track\]"'):
        Tracker()
