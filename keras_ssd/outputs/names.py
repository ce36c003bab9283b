"""Names of the files that a run writes about each input: unique, and never those of other files."""

import os
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePath
from urllib.parse import unquote, urlsplit

_UNUSABLE = re.compile(r'[\x00-\x1f\x7f<>:"/|?*\\]')  # not allowed in names on some systems
_OF_FRAME = re.compile(r"(.+)_\d{6,}")  # as `Entry.stem` names frames
_MAX_BYTES = 200  # of 255 that a name may have, to leave room for endings


class Names:
    """Chooses a name for each input: that of its file, or with a number such as "dog-2".

    Names differ also in lower case, because some systems ignore the case, and they differ from the
    names of the frames of all videos.

    Args:
        folder: the folder of the run.
        ending: the ending of pictures, such as ".jpg"; None if neither pictures nor films (".mp4")
            are written.
        replaceable: the names of an earlier run, whose files may be replaced.
    """

    def __init__(
        self,
        folder: Path,
        ending: str | None,
        *,
        replaceable: Iterable[str] = (),
    ):
        self._folder, self._ending = folder, ending
        self._replaceable = {*replaceable}
        self._inputs: set[str] = set()
        self._taken: set[str] = set()
        self._films: set[str] = set()
        self._before_digits: set[str] = set()

    def take(self, name: str, *, is_film: bool) -> None:
        """Marks a name as taken."""
        key = _key(name)
        self._taken.add(key)
        if is_film:
            self._films.add(key)
        if match := _OF_FRAME.fullmatch(key):
            self._before_digits.add(match[1])

    def protect(self, path: str) -> None:
        """Marks a file as an input, which must never be replaced."""
        self._inputs.add(place(Path(path)))

    def wrote(self, path: str) -> bool:
        """Tells whether a file is a picture of this run, or of the earlier run."""
        stem, suffix = os.path.splitext(os.path.basename(path))
        if suffix not in (self._ending, ".mp4"):
            return False
        folder = os.path.realpath(self._folder)
        parent = os.path.realpath(os.path.dirname(path))
        if os.path.dirname(parent) == os.path.join(folder, "crops"):
            stem = stem.rpartition("-")[0]  # the number of the crop
            frame = _OF_FRAME.fullmatch(stem)
            stem = frame[1] if frame else stem
        elif parent != folder:
            return False
        return _key(stem) in self._taken | {*map(_key, self._replaceable)}

    def choose(self, source: str, *, is_film: bool = False) -> str:
        """Returns a free name for files about an input, and marks it as taken.

        Args:
            source: the name of the input: a path, an address or a position.
            is_film: whether the input has frames with names such as "film_000123".
        """
        self.protect(source)
        stem = name = _stem(source)
        number = 1
        while not self._is_free(name, is_film):
            number += 1
            name = f"{stem}-{number}"
        self.take(name, is_film=is_film)
        return name

    def _is_free(self, name, is_film):
        key = _key(name)
        if key in self._taken or (is_film and key in self._before_digits):
            return False
        if (match := _OF_FRAME.fullmatch(key)) and match[1] in self._films:
            return False
        if self._ending is None:
            return True
        path = self._folder / f"{name}{'.mp4' if is_film else self._ending}"
        if place(path) in self._inputs:
            return False
        return name in self._replaceable or not os.path.lexists(path)


def place(path: Path) -> str:
    """Returns a key that is equal for two paths of one file, also where case does not matter."""
    return os.path.join(os.path.realpath(path.parent), path.name).casefold()


def _key(name):
    return unicodedata.normalize("NFC", name).casefold()


def _stem(source):
    """Returns the name of a source's file, without folders, suffix and unusable characters."""
    if "://" in source:
        parts = urlsplit(source)
        source = PurePath(unquote(parts.path)).name or parts.hostname or "stream"
    return file_name(PurePath(source).stem)


def file_name(text: str) -> str:
    """Returns the text as a name that every system takes, with room for an ending."""
    name = _UNUSABLE.sub("_", text).rstrip(" .")
    if name.startswith("."):
        name = f"_{name[1:]}"
    data = name.encode(errors="surrogateescape")
    if len(data) > _MAX_BYTES:  # a character that is cut in half is dropped
        name = data[:_MAX_BYTES].decode(errors="ignore")
    return name or "_"
