"""The frames of many inputs as one sequence, with the errors of those that cannot be read."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from keras_ssd.inputs import Frame, Input, Sources, find_inputs


def read_sources(
    sources: Sources, *, recursive: bool = False, every: int = 1
) -> Iterator[Frame | ValueError]:
    """Yields the frames of all inputs that `find_inputs` finds, one after another.

    Args:
        sources, recursive: as in `find_inputs`.
        every: the distance of the frames that are taken from a video: of 3, the frames 0, 3, 6.

    Yields:
        A Frame, or in its place the error of a source that cannot be used, or not further.

    Raises:
        ValueError: `sources` is neither a source nor an iterable, or `every` is below 1.
    """
    if every < 1:
        raise ValueError(f"every: expected 1 or more, not {every}")
    errors: deque[ValueError] = deque()
    inputs = find_inputs(sources, recursive=recursive, on_error=errors.append)
    return _read(inputs, errors, every)


def _read(inputs, errors, every):
    for found in inputs:
        yield from _emptied(errors)
        yield from read_input(found, every=every)
    yield from _emptied(errors)


def read_input(of: Input, *, every: int = 1, start: int = 0) -> Iterator[Frame | ValueError]:
    """Yields the frames of one input, and then the error that ended it, if there is one.

    Args:
        of: the input.
        every: the distance of the frames that are taken from a video.
        start: the number of frames to leave out at the beginning.
    """
    try:
        live = of.live
        for frame in of.frames(start):
            if frame.number is None or frame.number % every == 0:
                yield replace(frame, live=True) if live else frame
    except ValueError as error:
        yield error


def _emptied(errors: deque) -> Iterable[ValueError]:
    while errors:
        yield errors.popleft()
