"""The frames of a run's inputs, without those that an earlier run finished."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from keras_ssd.files import as_many
from keras_ssd.inputs import Frame, Input, Sources, find_inputs
from keras_ssd.inputs.folders import is_pattern
from keras_ssd.outputs.finished import Finished, Unfinished
from keras_ssd.outputs.names import Names
from keras_ssd.results.detections import Detections
from keras_ssd.video import VideoInfo

_MAX_LISTED = 10_000  # inputs that are found before the first one is read


@dataclass(eq=False)
class Item:
    """One input of a run.

    Attributes:
        source: the name of the input.
        name: the name of the files about it, without suffix.
        video: the size and rate of a video; None for a still image.
        start: the number of frames that an earlier run finished.
        frames: the number of frames that are finished or have been read.
        last: the detections in the last frame that an earlier run looked at, or None.
        problem: the message of the error that ended the video, or None.
        complete: whether the input was read to its end.
        sound: the path of the video that has the sound for the film, or None.
    """

    source: str
    name: str
    video: VideoInfo | None = None
    start: int = 0
    frames: int = 0
    last: Detections | None = None
    problem: str | None = None
    complete: bool = False
    sound: str | None = None


@dataclass(frozen=True, eq=False)
class RunFrame(Frame):
    """A frame that knows the input of the run that it belongs to."""

    item: Item | None = None


class Reading:
    """Reads the inputs of a run, one after the other.

    Args:
        inputs: the inputs, and in the place of each source that cannot be used, its error.
        names: the names that are free.
        finished: what an earlier run finished.
        every: the distance of the frames of a video that are looked at. Others are only yielded if
            `between` is True.
        between: whether frames are yielded that are not looked at, because a film shows them.
        limit: the number of images and frames to read, with those that are finished; None reads
            all.

    Attributes:
        items: the inputs that gave frames, in order, for the code that uses the frames to remove.
        total: the number of images and frames, as far as it is known.
    """

    def __init__(
        self,
        inputs: Iterable[Input | ValueError],
        names: Names,
        finished: Finished,
        *,
        every: int = 1,
        between: bool = True,
        limit: int | None = None,
    ):
        self.items: deque[Item] = deque()
        self._inputs, self._names, self._finished = inputs, names, finished
        self._every, self._between = every, between
        self._left = float("inf") if limit is None else limit
        self.total = len(inputs) if isinstance(inputs, list) else 0
        self._counts_ahead = isinstance(inputs, list)

    def frames(self) -> Iterator[RunFrame | ValueError]:
        """Yields the frames, and errors in the places of inputs that cannot be read (further)."""
        for found in self._inputs:
            if self._left <= 0:
                return
            if isinstance(found, ValueError):
                yield found
                continue
            done = self._finished.take(found.name)
            if done is not None:
                self._left -= done
                self._count(-1)
                continue
            try:
                yield from self._of_input(found)
            except ValueError as error:
                yield error

    def _of_input(self, found: Input) -> Iterator[RunFrame | ValueError]:
        item = self._start(found)
        self._left -= item.frames
        try:
            for frame in found.frames(item.frames):
                if self._left <= 0:
                    return
                self._left -= 1
                item.frames += 1
                looks = frame.number is None or frame.number % self._every == 0
                if looks or self._between:
                    more = {"live": found.live, "only_shown": not looks, "item": item}
                    yield RunFrame(**vars(frame) | more)
            item.complete = True
        except ValueError as error:
            item.problem = str(error)
            raise

    def _start(self, found: Input) -> Item:
        """Opens an input, and gives it a name."""
        earlier = self._finished.take_unfinished(found.name)
        try:
            video, live = found.video, found.live
        except ValueError:
            self._names.choose(found.name)
            raise
        if earlier is not None and live:  # what a camera showed earlier is a film of its own
            frames = earlier.start
            self.items.append(Item(found.name, earlier.name, video, frames, frames))
        if earlier is None or live:
            earlier_frames = 0 if earlier is None else earlier.start
            is_film = video is not None
            earlier = Unfinished(self._names.choose(found.name, is_film=is_film), earlier_frames)
        frames = earlier.start
        item = Item(found.name, earlier.name, video, frames, frames, earlier.last)
        if video is not None and video.has_audio:
            item.sound = found.path
        self.items.append(item)
        if video is not None and video.frame_count:
            frames = video.frame_count - item.frames
            self._count((frames if self._between else frames // self._every) - 1)
        return item

    def _count(self, number):
        if self._counts_ahead:
            self.total += number


def run_inputs(sources: Sources, names: Names, *, recursive: bool) -> Iterable[Input | ValueError]:
    """Returns the inputs of a run, and in the place of each source that cannot be used, its error.

    They are a list if there are at most 10,000, and none of them is still to come from a terminal
    or a generator. Pictures that the run itself wrote into one of its folders are left out.

    Args:
        sources, recursive: as in `find_inputs`.
        names: the names of the run's files; it protects the inputs in the list.
    """
    many: Any = [sources] if isinstance(sources, int) else as_many(sources)
    found: deque[Input | ValueError] = deque()

    def in_order() -> Iterator[Input | ValueError]:
        for one in find_inputs(many, recursive=recursive, on_error=found.append):
            found.append(one)
            while found:
                yield found.popleft()
        yield from found

    inputs = in_order()
    if not isinstance(many, list | tuple):
        return inputs
    given = {os.fsdecode(one) for one in many if isinstance(one, str | os.PathLike)}
    if any(os.path.isdir(one) or is_pattern(one) for one in given):
        inputs = (one for one in inputs if not _is_own(one, names, given))
    if "-" in given:
        return inputs
    first = list(islice(inputs, _MAX_LISTED))
    for one in first:
        if not isinstance(one, ValueError):
            names.protect(one.name)
    return first if len(first) < _MAX_LISTED else chain(first, inputs)


def _is_own(found, names, given):
    if isinstance(found, ValueError) or found.name in given:
        return False
    return names.wrote(found.name)
