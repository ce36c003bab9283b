"""The journal of a run: one line for each finished image or frame, from which a killed run goes on.

The file `journal.jsonl` begins with a line about the run:

    {"keras_ssd": "1.0.0", "settings": {"confidence": 0.5}, "class_names": ["cat", "dog"]}

If the run replaces an earlier one, the line has the names of that run in "replaces" as well.

Each image, and each frame of a video that was looked at, has a line. "name" is the name that files
about it have, without a suffix; "frame" and "time" are only there for frames:

    {"name": "film", "image": "in/film.mp4", "size": [480, 640], "frame": 0, "time": 0.0,
     "detections": [{"label": "cat", "score": 0.98, "box": [10.0, 20.0, 110.5, 220.0]}]}

A video ends with a line that says how many frames were read, in how many of them each class was
found, and the problem, if it broke there:

    {"name": "film", "image": "in/film.mp4", "frames": 377, "frames_with": {"cat": 20},
     "problem": null}
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from keras_ssd import __version__
from keras_ssd.files import replace_file
from keras_ssd.outputs.entry import Entry, FilmEnd

FILE_NAME = "journal.jsonl"


class Line(NamedTuple):
    """One line of the journal: its place in the file in bytes, its end, and its values."""

    start: int
    end: int
    values: dict[str, Any]


class Journal:
    """A journal that is open for appending.

    Args:
        path: the path of the file, which exists and begins with the line about the run.

    Attributes:
        path: the path of the file.
        settings: the settings of the run.
        class_names: the names of all classes that the detector knows.
        replaces: the names of files of an earlier run, which this run may replace.

    Raises:
        ValueError: the file is not a journal.
        OSError: the file cannot be read or written.
    """

    def __init__(self, path: Path):
        self.path = path
        first, end = None, 0
        for line in read_lines(path):
            first = first or line
            end = line.end
        self.settings, self.class_names, self.replaces = _about_run(path, first)
        self._file = path.open("ab", buffering=0)
        self._file.truncate(end)  # a killed run may leave half a line
        self._end = self._end_before = end

    @classmethod
    def create(
        cls,
        path: Path,
        settings: Mapping[str, Any],
        class_names: Sequence[str],
        *,
        replaces: Iterable[str] = (),
    ) -> "Journal":
        """Starts a new journal, in place of one that is there."""
        about = {"keras_ssd": __version__, "settings": settings, "class_names": list(class_names)}
        if names := sorted(replaces):
            about["replaces"] = names
        path.write_bytes(_encoded(about))
        return cls(path)

    def append(self, item: Entry | FilmEnd) -> None:
        """Appends what is finished, so that it outlives a kill of this process.

        Raises:
            OSError: the file cannot be written; it then stays as it was.
        """
        data = _encoded(item.to_values())
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            self._file.truncate(self._end)
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._end_before, self._end = self._end, self._file.tell()

    def remove_last(self) -> None:
        """Removes what was appended last, because its picture cannot be written."""
        self.cut(self._end_before)

    def cut(self, end: int) -> None:
        """Removes all lines from a place on, in bytes."""
        self._file.truncate(end)
        self._end = self._end_before = end

    def remove(self, unwanted: Callable[[dict[str, Any]], bool]) -> None:
        """Removes the lines with values for which `unwanted` returns True."""
        if not any(unwanted(line.values) for line in self.lines()):
            return

        def write(unfinished: Path) -> None:
            with self.path.open("rb") as file, unfinished.open("wb") as kept:
                for number, line in enumerate(read_lines(self.path)):
                    data = file.read(line.end - line.start)
                    if number == 0 or not unwanted(line.values):
                        kept.write(data)

        replace_file(self.path, write)
        self._file.close()
        self._file = self.path.open("ab", buffering=0)
        self._end = self._end_before = self._file.tell()

    def lines(self) -> Iterator[Line]:
        """Yields the lines after the one about the run.

        Raises:
            ValueError: a line has been changed into something else.
        """
        for number, line in enumerate(read_lines(self.path)):
            name, image = line.values.get("name"), line.values.get("image")
            if number and not (
                isinstance(image, str) and isinstance(name, str) and Path(name).name == name
            ):
                raise self._not_an_entry(line.values)
            if number:
                yield line

    def has_entries(self) -> bool:
        """Tells whether anything is finished."""
        return next(self.lines(), None) is not None

    def entries(self) -> Iterator[Entry]:
        """Yields what was found, in the order of the file, from the file.

        Raises:
            ValueError: a line has been changed into something else.
        """
        for line in self.lines():
            if "frames" not in line.values:
                try:
                    yield Entry.from_values(line.values, self.class_names)
                except (KeyError, TypeError, ValueError) as error:
                    raise self._not_an_entry(line.values) from error

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _not_an_entry(self, values):
        return ValueError(f"{self.path}: not an entry of this run: {values!r:.80}")


def read_lines(path: Path) -> Iterator[Line]:
    """Yields the lines of a journal, without half a line at the end.

    Raises:
        ValueError: another line is damaged; the message names it.
        OSError: the file cannot be read.
    """
    end = 0
    with path.open("rb") as file:
        for number, data in enumerate(file, start=1):
            if not data.endswith(b"\n"):
                return
            try:
                values = json.loads(data)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: not valid JSON ({error})") from error
            if not isinstance(values, dict):
                raise ValueError(f"{path}, line {number}: expected a JSON object")
            start, end = end, end + len(data)
            yield Line(start, end, values)


def _about_run(path, line):
    values = {} if line is None else line.values
    settings, class_names = values.get("settings"), values.get("class_names")
    replaces = values.get("replaces", [])
    if not isinstance(settings, dict) or not all(
        isinstance(names, list) for names in (class_names, replaces)
    ):
        raise ValueError(f"{path}: not the journal of a run of keras-ssd")
    return settings, tuple(class_names), {*map(str, replaces)}


def _encoded(values):
    return json.dumps(values).encode() + b"\n"
