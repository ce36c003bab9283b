"""The frames of many inputs as one sequence."""

import numpy as np
import pytest

from keras_ssd.inference import reading
from keras_ssd.inference.reading import read_input, read_sources
from keras_ssd.inputs import Frame, Input


class Film(Input):
    """Ten frames, or fewer if it is damaged at one."""

    def __init__(self, name="film", broken_at=None, live=False):
        super().__init__(name)
        self.broken_at, self.is_live = broken_at, live

    @property
    def live(self):
        return self.is_live

    def frames(self, start=0):
        for number in range(start, 10):
            if number == self.broken_at:
                raise ValueError(f"{self.name}: damaged at frame {number}")
            yield Frame(np.zeros((2, 2, 3), np.uint8), self.name, number=number, time=number / 25)


def told(items):
    return [
        str(item) if isinstance(item, ValueError) else (item.source, item.number) for item in items
    ]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, range(10)),
        ({"every": 3}, [0, 3, 6, 9]),
        ({"start": 4}, range(4, 10)),
        ({"every": 3, "start": 4}, [6, 9]),
    ],
)
def test_every_and_start_choose_frames_by_their_numbers(options, numbers):
    assert told(read_input(Film(), **options)) == [("film", number) for number in numbers]


def test_the_error_of_a_source_comes_after_its_frames_and_the_next_source_after_it(monkeypatch):
    def find_inputs(sources, recursive, on_error):
        yield Film("a", broken_at=1)
        on_error(ValueError("b: no such file"))
        on_error(ValueError("c: empty"))
        yield Film("d", broken_at=0)
        on_error(ValueError("e: empty"))

    monkeypatch.setattr(reading, "find_inputs", find_inputs)
    assert told(read_sources([])) == [
        ("a", 0),
        "a: damaged at frame 1",
        "b: no such file",
        "c: empty",
        "d: damaged at frame 0",
        "e: empty",
    ]


def test_frames_of_live_inputs_are_marked():
    assert {frame.live for frame in read_input(Film(live=True))} == {True}
    assert {frame.live for frame in read_input(Film())} == {False}


def test_wrong_arguments_are_refused_at_the_call():
    with pytest.raises(ValueError, match="every: expected 1 or more, not 0"):
        read_sources([], every=0)
    with pytest.raises(ValueError, match="sources: expected one source or several"):
        read_sources(3.5)
