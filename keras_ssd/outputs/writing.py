"""Draws and writes the results of a run in a thread, while the network looks at the next frames."""

import errno
import queue
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_ssd.inputs import Frame
from keras_ssd.outputs.entry import Entry, FilmEnd
from keras_ssd.outputs.films import Film
from keras_ssd.outputs.journal import Journal
from keras_ssd.outputs.pictures import write_crops, write_picture
from keras_ssd.outputs.reading import Item
from keras_ssd.results.detections import Detections

Draw = Callable[[np.ndarray, Detections], np.ndarray]
# After these errors every further file would fail as well.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
_MAX_BYTES = 50_000_000  # of the frames that wait and of the one that is written


@dataclass
class RunFolder:
    """What a run writes, and where.

    Attributes:
        path: the folder.
        journal: its journal, which is open.
        draw: a function that returns an image with the objects drawn.
        on_problem: a function that is called with what goes wrong with a single picture.
        ending: the ending of the pictures, such as ".jpg"; None for neither pictures nor films.
        crops: whether the objects are also written as pictures of their own.
        on_image: a function that is called with the detections in each image and frame that was
            looked at, and the path of its picture or None, once it is written.
        on_film: a function that is called with the end of each video and the path of its film, or
            None, once it is written.
    """

    path: Path
    journal: Journal
    draw: Draw
    on_problem: Callable[[str], object]
    ending: str | None = ".jpg"
    crops: bool = False
    on_image: Callable[[Detections, Path | None], object] | None = None
    on_film: Callable[[FilmEnd, Path | None], object] | None = None


class Writer:
    """Writes frames and the ends of videos in their order, in a thread of its own.

    Frames of at most 50 MB wait, or one that is larger: `put` waits for room.

    Args:
        folder: what is written, and where.
    """

    def __init__(self, folder: RunFolder):
        self._folder = folder
        self._jobs: queue.SimpleQueue[tuple | None] = queue.SimpleQueue()
        self._num_bytes = 0
        self._room = threading.Condition()
        self._error: BaseException | None = None
        self._item: Item | None = None
        self._film: Film | None = None
        self._last: Detections | None = None
        self._frames_with: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def put(self, item: Item, frame: Frame, found: Detections | None) -> None:
        """Hands over a frame; without detections it is one that only a film shows.

        Raises:
            BaseException: what went wrong with an earlier frame.
        """
        self._put((item, frame, found), frame.image.nbytes)

    def end(self, item: Item) -> None:
        """Says that all frames of an input have been handed over; raises what `put` raises."""
        self._put((item, None, None))

    def close(self) -> None:
        """Waits until all is written, and closes a film that is not finished, so that it plays.

        Raises:
            BaseException: what went wrong with an earlier frame.
        """
        self._jobs.put(None)
        self._thread.join()
        if self._film is not None and self._item is not None:
            film, self._film = self._film, None
            try:
                film.finish(audio_from=self._item.sound, complete=False)
            except OSError as error:
                if self._error is None or getattr(self._error, "errno", None) in _FULL:
                    self._error = error  # it tells where the film is
        self._raise_error()

    def _put(self, job, size=0):
        with self._room:
            self._room.wait_for(lambda: not self._num_bytes or self._num_bytes + size <= _MAX_BYTES)
            self._raise_error()
            self._num_bytes += size
        self._jobs.put((*job, size))

    def _raise_error(self):
        if self._error is not None:
            raise self._error

    def _work(self):
        while (job := self._jobs.get()) is not None:
            *what, size = job
            del job  # no other name keeps the frame, for it may be large
            try:
                if self._error is None:  # else what waits is dropped
                    self._write(*what)
            except BaseException as error:
                self._error = error
            del what
            with self._room:
                self._num_bytes -= size
                self._room.notify()

    def _write(self, item: Item, frame: Frame | None, found: Detections | None) -> None:
        if frame is None:
            self._end(item)
        elif item.video is None:
            assert found is not None
            self._write_picture(item, frame, found)
        else:
            self._write_frame(item, frame, found)

    def _write_picture(self, item, frame, found):
        folder, path = self._folder, None
        if folder.ending is not None:
            path = folder.path / f"{item.name}{folder.ending}"
            with suppress(OSError):  # after a kill, the picture of an earlier run would pass as new
                path.unlink(missing_ok=True)
        folder.journal.append(Entry(item.name, found))
        try:
            self._write_crops(item.name, frame, found)
            if path is not None:
                write_picture(folder.draw(frame.image, found), path)
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in _FULL:
                folder.journal.remove_last()
                raise
            folder.on_problem(f"{found.image}: detected, but not drawn ({error})")
            return
        if folder.on_image is not None:
            folder.on_image(found, path)

    def _write_frame(self, item, frame, found):
        folder = self._folder
        if self._item is not item:
            self._start(item)
        if found is not None:
            entry = Entry(item.name, found)
            folder.journal.append(entry)
            self._last = found
            self._frames_with.update({*found.names})
        try:
            if found is not None:
                self._write_crops(entry.stem, frame, found)
            if self._film is not None:
                self._film.write(self._drawn(frame.image), frame.pts, item.video)
        except OSError:
            if found is not None:
                folder.journal.remove_last()
            raise
        except ValueError as error:  # the encoder takes no frames of this size, for example
            folder.on_problem(f"{item.source}: detected, but not drawn ({error})")
            film, self._film = self._film, None
            with suppress(ValueError):
                film.finish(audio_from=item.sound, complete=False)
        if found is not None and folder.on_image is not None:
            folder.on_image(found, None)

    def _start(self, item):
        self._item, self._last, self._film = item, item.last, None
        self._frames_with.clear()
        if item.start:
            for entry in self._folder.journal.entries():
                if entry.name == item.name:
                    self._frames_with.update({*entry.found.names})
        if self._folder.ending is not None:
            self._film = Film(self._folder.path, item.name)
            if item.start == 0:
                self._film.start_anew()

    def _drawn(self, image):
        return image if self._last is None else self._folder.draw(image, self._last)

    def _write_crops(self, stem, frame, found):
        folder = self._folder
        if folder.crops:
            ending = folder.ending or ".jpg"
            write_crops(frame.image, found, folder.path / "crops", stem, ending)

    def _end(self, item):
        if item.video is None or not item.frames:
            return
        if self._item is not item:
            self._start(item)
        film, self._film = self._film, None
        path = film and film.finish(audio_from=item.sound, complete=item.complete)
        frames_with = dict(self._frames_with.most_common())
        end = FilmEnd(item.name, item.source, item.frames, frames_with, item.problem)
        self._folder.journal.append(end)
        if self._folder.on_film is not None:
            self._folder.on_film(end, path)
