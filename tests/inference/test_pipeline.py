"""`detect_frames`: frames of many sources through a detector, with the fake one of conftest.py."""

import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

import keras_ssd
from keras_ssd.images import read_image
from keras_ssd.inference.pipeline import detect_frames
from keras_ssd.inputs import Frame

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert [thread for thread in threading.enumerate() if thread.name == "read ahead"] == []


def frame_of(label, height=30, width=40, **options):
    """One that the fake detector finds `label` in."""
    if "number" in options:
        options = {"time": options["number"] / 25, **options}
    image = np.full((height, width, 3), (label, 100, 200), np.uint8)
    return Frame(image, f"{label}.jpg", **options)


def labels(results):
    return [int(found.labels.item()) for _, found in results]


def test_each_frame_comes_with_its_detections(detector):
    frames = [frame_of(3, 50, 60), frame_of(7, number=4, time=0.5, pts=12)]
    results = list(detect_frames(detector, iter(frames)))
    assert [frame for frame, _ in results] == frames
    assert [found.image for _, found in results] == ["3.jpg", "7.jpg"]
    assert [found.size for _, found in results] == [(50, 60), (30, 40)]
    assert [(found.frame, found.time) for _, found in results] == [(None, None), (4, 0.5)]
    assert labels(results) == [3, 7]
    assert results[0][1].boxes.tolist() == [[15, 25, 45, 50]]


def test_a_subclass_of_frame_comes_out_as_it_went_in(detector):
    class Numbered(Frame):
        pass

    frame = Numbered(np.zeros((30, 40, 3), np.uint8), "a")
    ((out, _),) = detect_frames(detector, [frame])
    assert out is frame


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_the_batch_size_changes_nothing_but_the_batches(detector, batch_size):
    frames = [frame_of(label) for label in range(20)]
    assert labels(detect_frames(detector, frames, batch_size=batch_size)) == list(range(20))
    full, rest = divmod(20, batch_size)
    assert [len(batch) for batch in detector.batches] == [batch_size] * full + [rest] * (rest > 0)


def test_a_real_detector_finds_the_same_at_any_batch_size_and_order():
    detector = keras_ssd.load_detector("ssd_mobilenet_320_voc_int8")
    photos = [read_image(path) for path in sorted(PHOTOS.glob("*.jpg"))]
    frames = [
        Frame(photo[:, shift:], f"{number}-{shift}")
        for number, photo in enumerate(photos)
        for shift in (0, 17, 40)
    ]

    def found(frames, batch_size):
        results = detect_frames(detector, frames, batch_size=batch_size)
        return {
            frame.source: (found.boxes.tolist(), found.scores.tolist()) for frame, found in results
        }

    expected = found(frames, 1)
    assert all(scores for _, scores in expected.values())
    for batch_size in (2, 8):
        assert found(frames[::-1], batch_size) == expected


def test_errors_come_in_their_place_and_in_the_thread_of_the_results(detector):
    events, threads = [], set()

    def on_error(error):
        events.append(str(error))
        threads.add(threading.current_thread())

    frames = [ValueError("a"), frame_of(1), ValueError("b"), ValueError("c"), frame_of(2)]
    for _, found in detect_frames(detector, frames, on_error=on_error):
        events.append(int(found.labels.item()))
    assert events == ["a", 1, "b", "c", 2]
    assert threads == {threading.current_thread()}


def test_an_error_without_on_error_is_raised_after_the_results_before_it(detector):
    error = ValueError("b.jpg: damaged")
    results = detect_frames(detector, [frame_of(1), frame_of(2), error, frame_of(3)])
    assert labels([next(results), next(results)]) == [1, 2]
    with pytest.raises(ValueError, match=r"^b\.jpg: damaged$") as raised:
        next(results)
    assert raised.value is error


def test_what_going_through_the_frames_raises_comes_after_the_results_before_it(detector):
    def frames():
        yield frame_of(1)
        yield frame_of(2)
        raise RuntimeError("gone")

    results = detect_frames(detector, frames(), on_error=print)
    assert labels([next(results), next(results)]) == [1, 2]
    with pytest.raises(RuntimeError, match="gone"):
        next(results)


def test_an_error_of_the_network_ends_the_thread(detector, monkeypatch):
    def fail(images):
        raise RuntimeError("network")

    monkeypatch.setattr(detector, "predict_on_batch", fail)
    with pytest.raises(RuntimeError, match="network"):
        next(detect_frames(detector, (frame_of(1) for _ in range(1000))))


def test_closing_early_ends_the_thread_and_closes_the_frames(detector):
    closed = []

    def frames():
        try:
            while True:
                yield frame_of(1)
        finally:
            closed.append(threading.current_thread().name)

    results = detect_frames(detector, frames())
    next(results)
    results.close()
    assert closed == ["read ahead"]


def test_reading_goes_on_while_the_network_runs(detector, monkeypatch):
    reading, predict = threading.Event(), detector.predict_on_batch

    def frames():
        yield frame_of(1)
        reading.set()
        yield frame_of(2)

    def wait_and_predict(images):
        assert reading.wait(5)
        return predict(images)

    monkeypatch.setattr(detector, "predict_on_batch", wait_and_predict)
    assert labels(detect_frames(detector, frames(), batch_size=1)) == [1, 2]


def test_few_large_frames_are_in_memory(detector):
    """Those of 12 megapixels, 36 MB each."""
    frames = []

    def alive():
        return sum(ref() is not None for ref in frames)

    def large():
        for _ in range(12):
            image = np.zeros((3000, 4000, 3), np.uint8)
            frames.append(weakref.ref(image))
            yield Frame(image, "large.jpg")
            del image

    counts = [alive() for _ in detect_frames(detector, large(), batch_size=8)]
    assert len(counts) == 12
    # A batch of two, one that waits, one or two in the reading thread.
    assert max(counts) <= 5


def test_without_images_the_frames_are_as_small_as_the_network_s(detector):
    frames = (frame_of(label, 300, 400) for label in range(4))
    results = list(detect_frames(detector, frames, with_images=False))
    assert [frame.image.shape for frame, _ in results] == [(16, 16, 3)] * 4
    assert [frame.source for frame, _ in results] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert [found.size for _, found in results] == [(300, 400)] * 4


def test_a_live_frame_does_not_wait_for_others(detector):
    asked = threading.Event()

    def camera():
        yield frame_of(1, number=0, live=True)
        assert asked.wait(1)  # the second frame comes after the first result
        yield frame_of(2, number=1, live=True)

    results = detect_frames(detector, camera())
    next(results)
    asked.set()
    assert labels(results) == [2]


def test_the_newest_live_frame_is_run_and_the_older_ones_that_wait_are_dropped(detector):
    taken = threading.Event()

    def camera():
        yield frame_of(0, number=0, live=True)
        taken.wait(5)
        for number in range(1, 10):
            yield frame_of(number, number=number, live=True)

    results = detect_frames(detector, camera())
    assert labels([next(results)]) == [0]
    taken.set()
    time.sleep(0.3)
    assert labels(results) == [9]


def test_no_frame_of_a_file_is_dropped_by_a_slow_user(detector):
    found = []
    for _, one in detect_frames(detector, (frame_of(n, number=n) for n in range(50))):
        time.sleep(0.002)
        found.append(one.frame)
    assert found == list(range(50))


def test_classes_and_thresholds_select_the_objects(detector):
    # The fake detector finds one of its class with 0.9, and one of class0 with 0.2.
    def found(**options):
        ((_, found),) = detect_frames(detector, [frame_of(3)], **options)
        return found.names

    assert found(confidence_threshold=0.1) == ("class3", "class0")
    assert found(confidence_threshold=0.1, classes=["class0"]) == ("class0",)
    assert found(confidence_threshold={"class0": 0.2}) == ("class3", "class0")
    assert found(confidence_threshold={"class3": 0.95, "*": 0.1}) == ("class0",)
    assert found(classes=()) == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence_threshold": 1.5}, "confidence_threshold: expected 0 to 1, not 1.5"),
        ({"confidence_threshold": {"class1": -1}}, "confidence_threshold of class1: .* not -1"),
        ({"confidence_threshold": {"dog": 0.5}}, "confidence_threshold: .* has no class 'dog'; it"),
        ({"classes": ["class1", "dog"]}, "classes: the detector has no class 'dog'; it has class0"),
        ({"batch_size": 0}, "batch_size: expected 1 or more, not 0"),
        ({"tiles": 1}, "tiles: expected None, 'auto' or 2 to 16, not 1"),
        ({"tiles": "many"}, "tiles: expected None, 'auto' or 2 to 16, not 'many'"),
    ],
)
def test_wrong_arguments_are_refused_at_the_call(detector, options, message):
    with pytest.raises(ValueError, match=message):
        detect_frames(detector, [], **options)
