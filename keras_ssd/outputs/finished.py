"""What of a run is finished, as its journal says, and from where the rest goes on."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

from keras_ssd.outputs.films import Film
from keras_ssd.outputs.journal import Journal
from keras_ssd.results.detections import Detections


@dataclass
class Unfinished:
    """A video in the middle of which the earlier run ended.

    Attributes:
        name: the name of its film.
        start: the number of the first frame that is still to do.
        last: the detections in the last frame before it, or None.
    """

    name: str
    start: int = 0
    last: Detections | None = None


class Finished:
    """What a journal says.

    Attributes:
        names: the names that are in use; the value says whether it is the name of a film.
        problems: the messages of the videos that broke.
    """

    def __init__(self, journal: Journal | None = None):
        self.names: dict[str, bool] = {}
        self.problems: list[str] = []
        self._done: dict[str, deque[int]] = {}
        self._unfinished: dict[str, Unfinished] = {}
        for line in () if journal is None else journal.lines():
            self._add(line.values)

    def take(self, image: str) -> int | None:
        """Takes one finished input of this name.

        Returns:
            The number of its frames, 1 for a still image, or None if there is none (any more).
        """
        done = self._done.get(image)
        return done.popleft() if done else None

    def take_unfinished(self, image: str) -> Unfinished | None:
        """Takes the video of this name that was not finished, if there is one."""
        return self._unfinished.pop(image, None)

    @property
    def unfinished(self) -> list[Unfinished]:
        """The videos that were not finished."""
        return list(self._unfinished.values())

    def _add(self, values):
        name, image = values["name"], values["image"]
        self.names[name] = self.names.get(name, False) or "frame" in values or "frames" in values
        if "frame" in values:
            self._unfinished.setdefault(image, Unfinished(name)).start = values["frame"] + 1
            return
        if "frames" in values:
            self._unfinished.pop(image, None)
            if values["problem"]:
                self.problems.append(values["problem"])
        self._done.setdefault(image, deque()).append(values.get("frames", 1))


def resume(journal: Journal, folder: Path, picture_ending: str | None, every: int) -> Finished:
    """Makes the journal and the films of an earlier run agree, and returns what is finished.

    The journal may be ahead: an image is there before its picture is complete, and a frame before
    its part of the film is on the disk. Such entries are removed, so that they are made again.

    Args:
        journal: the journal of the earlier run.
        folder: the folder of the run.
        picture_ending: the ending of its pictures, such as ".jpg"; None if it writes none.
        every: the distance of the frames that are looked at.
    """
    _remove_without_picture(journal, folder, picture_ending)
    found = Finished(journal)
    for film in found.unfinished:
        if picture_ending is not None:
            film.start = Film(folder, film.name).frames_written(film.start - 1 + every)
        elif journal.settings.get("crops"):
            film.start -= 1  # the process may have ended between the crops of this frame
        film.last = _cut(journal, film)
    return found


def _remove_without_picture(journal, folder, picture_ending):
    """Removes the last entry if it is an image without its picture."""
    last = deque(journal.lines(), maxlen=1)
    if not last or "frame" in last[0].values or "frames" in last[0].values:
        return
    (line,) = last
    name = line.values["name"]
    if picture_ending is None or not (folder / f"{name}{picture_ending}").exists():
        journal.cut(line.start)


def _cut(journal, film):
    """Removes the entries of a film's frames that are to do; returns the last one that stays."""
    journal.remove(lambda v: v["name"] == film.name and v.get("frame", -1) >= film.start)
    of_film = (entry.found for entry in journal.entries() if entry.name == film.name)
    return next(iter(deque(of_film, maxlen=1)), None)
