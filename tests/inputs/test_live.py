"""Live inputs give the newest frame, and drop what nobody waits for."""

import threading
import time

import numpy as np
import pytest

from keras_ssd.inputs.live import LiveInput, live_info


class Ticks(LiveInput):
    """An input that counts: its images are black, and arrive when `step` is called."""

    def __init__(self, error=None):
        super().__init__("ticks")
        self.arrived, self.closed, self._error = threading.Semaphore(0), False, error
        self.taken = threading.Semaphore(0)

    def step(self, count=1):
        """Lets images arrive, and waits until each has been taken over by the thread."""
        for _ in range(count):
            self.arrived.release()
            assert self.taken.acquire(timeout=5)

    def images(self, closing):
        try:
            while True:
                self.taken.release()  # asked for the next image
                while not self.arrived.acquire(timeout=0.01):
                    if closing.is_set():
                        return
                if self._error is not None:
                    raise self._error
                yield np.zeros((2, 2, 3), np.uint8)
        finally:
            self.closed = True


def start(ticks, **options):
    """The frames, of which the first is taken, and its number."""
    frames = ticks.frames(**options)
    threading.Timer(0.01, ticks.arrived.release).start()
    first = next(frames).number
    assert ticks.taken.acquire(timeout=5)
    assert ticks.taken.acquire(timeout=5)
    return frames, first


def test_frames_that_nobody_waits_for_are_dropped():
    ticks = Ticks()
    frames, first = start(ticks)
    assert first == 0
    ticks.step()
    assert next(frames).number == 1
    ticks.step(50)
    assert next(frames).number == 51
    ticks.step()
    assert next(frames).number == 52
    frames.close()


def test_no_frame_comes_twice():
    ticks = Ticks()
    frames, _ = start(ticks)
    threading.Timer(0.2, ticks.step).start()
    begin = time.monotonic()
    assert next(frames).number == 1
    assert time.monotonic() - begin > 0.15
    frames.close()


def test_times_grow_and_are_those_of_arrival():
    ticks = Ticks()
    frames, _ = start(ticks)
    times = [(0, 0.0)]
    for pause in (0.1, 0, 0):
        time.sleep(pause)
        ticks.step()
        frame = next(frames)
        assert frame.time == pytest.approx(float(frame.pts * live_info(2, 2).time_base))
        times.append((frame.pts, frame.time))
    assert times == sorted(set(times))
    assert 0.08 < times[1][1] < 3
    frames.close()


def test_the_numbers_go_on_from_a_start():
    frames, first = start(Ticks(), start=7)
    assert first == 7
    frames.close()


def test_an_error_arrives_after_the_last_frame():
    ticks = Ticks()
    frames, _ = start(ticks)
    ticks.step()
    ticks._error = ValueError("ticks: unplugged")
    ticks.arrived.release()
    assert next(frames).number == 1
    with pytest.raises(ValueError, match="ticks: unplugged"):
        next(frames)
    assert list(frames) == []


def test_closing_ends_the_thread_and_the_input():
    before = threading.active_count()
    ticks = Ticks()
    frames, _ = start(ticks)
    frames.close()
    assert ticks.closed
    assert threading.active_count() <= before + 1  # the timer of `start` may still end


def test_nothing_is_opened_before_the_first_frame_is_asked_for():
    ticks = Ticks()
    ticks.frames().close()
    assert not ticks.closed
    assert ticks.live
