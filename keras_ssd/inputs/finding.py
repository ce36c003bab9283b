"""Finds the inputs that sources name: files, folders, patterns, lists, arrays and others."""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from keras_ssd.files import as_many
from keras_ssd.inputs.animations import WebpAnimation
from keras_ssd.inputs.camera import Camera
from keras_ssd.inputs.folders import files_in_folder, files_of_pattern, is_pattern
from keras_ssd.inputs.input import ImageArray, ImageFile, Input
from keras_ssd.inputs.kinds import Kind, kind_of
from keras_ssd.inputs.lists import lines_of_file, lines_of_stdin
from keras_ssd.inputs.screen import Screen
from keras_ssd.inputs.videos import VideoFile

if TYPE_CHECKING:
    from PIL.Image import Image

Source: TypeAlias = Union[str, Path, int, np.ndarray, "Image"]
Sources: TypeAlias = Iterable[Source] | Source
_Found: TypeAlias = Input | ValueError
_LIST_SUFFIX = ".txt"
_SCREEN = "screen"
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)


def find_inputs(
    sources: Sources,
    *,
    recursive: bool = False,
    on_error: Callable[[ValueError], object] | None = None,
) -> Iterator[Input]:
    """Yields the inputs that sources name, in order, one by one.

    A source is one of these:
        - the path of an image or a video. Its content decides, then its suffix; an animated GIF or
          WebP is a video.
        - a folder: its images and videos, by their suffixes and in natural order ("a9" comes before
          "a10"). Names that begin with a dot are left out.
        - a pattern such as "photos/*.jpg" or "photos/**/*.png", where no file has this name.
        - a text file "*.txt" with one source on each line, which is looked for in the folder of the
          text file and then in the current one. Such a file cannot name another one.
        - "-": one source on each line of the standard input, taken as it arrives.
        - "http://..." or "https://...": an image, a video, or a stream of MJPEG or MPEG-TS.
        - "rtsp://...": a stream.
        - the number of a webcam as an int, or as a text where no file has this name: 0 is the
          first one.
        - "screen", where no file has this name.
        - an RGB uint8 array (H, W, 3) or a PIL image.

    A source that is given twice is found twice.

    Args:
        sources: one source or an iterable of sources, which are taken one by one.
        recursive: True also looks in the folders inside a folder.
        on_error: a function that is called with the error of each source that cannot be used, which
            is then left out. Without it the error is raised.

    Raises:
        ValueError: `sources` is neither a source nor an iterable of sources.

    Examples:
        >>> import numpy as np
        >>> from keras_ssd.inputs import find_inputs
        >>> images = [np.zeros((480, 640, 3), np.uint8), np.zeros((300, 300, 3), np.uint8)]
        >>> for found in find_inputs(images):
        ...     for frame in found.frames():
        ...         print(frame.source, frame.image.shape)
        0 (480, 640, 3)
        1 (300, 300, 3)
    """
    many = [sources] if isinstance(sources, int) else as_many(sources)
    return _find(many, _Finder(recursive), on_error)


def _find(sources, finder, on_error):
    for position, source in enumerate(sources):
        for found in finder.of(source, position):
            if not isinstance(found, ValueError):
                yield found
            elif on_error is None:
                raise found
            else:
                on_error(found)


class _Finder:
    """Finds the inputs of one source after another, and yields errors among them.

    Args:
        recursive: whether folders inside folders are looked in.
    """

    def __init__(self, recursive: bool):
        self._recursive = recursive

    def of(self, source: Any, position: int) -> Iterator[_Found]:
        """Yields the inputs of the source at this position, whatever it is."""
        if isinstance(source, str):
            yield from _caught(self._of_text(source))
        elif isinstance(source, os.PathLike):
            yield from _caught(self._of_path(os.fsdecode(source)))
        elif isinstance(source, int | np.integer) and not isinstance(source, bool):
            yield Camera(int(source))
        else:
            yield ImageArray(source, position)

    def _of_text(self, text: str, in_list: str | None = None) -> Iterator[_Found]:
        """Yields the inputs of a source that is a string, or a line of the list `in_list`."""
        if text == "-" and in_list is None:
            yield from self._of_lines(lines_of_stdin(), "-")
        elif scheme := _SCHEME.match(text):
            yield _of_address(text, scheme[1].lower())
        else:
            path = text if in_list is None else _beside(in_list, text)
            if _mode(path) is None and text == _SCREEN:
                yield Screen()
            elif _mode(path) is None and text.isascii() and text.isdigit():
                yield Camera(int(text[:9]))
            else:
                yield from self._of_path(path, in_list)

    def _of_path(self, path: str, in_list: str | None = None) -> Iterator[_Found]:
        if (mode := _mode(path)) is None:
            yield from self._of_absent(path, in_list)
        elif stat.S_ISDIR(mode):
            yield from self._of_folder(path)
        elif not stat.S_ISREG(mode):
            raise ValueError(
                f"{path}: expected an image, a video or a folder, but it is a pipe or a device"
            )
        elif (kind := _kind(path)) is not None:
            yield _of_file(path, kind)
        elif not path.lower().endswith(_LIST_SUFFIX):
            raise ValueError(
                f"{path}: expected an image, a video or a list of them (*{_LIST_SUFFIX}), but "
                "neither its content nor its suffix is one of these"
            )
        elif in_list is not None:
            raise ValueError(f"{path}: a list cannot name another list ({in_list} does)")
        else:
            yield from self._of_lines(lines_of_file(path), path)

    def _of_absent(self, text: str, in_list: str | None) -> Iterator[_Found]:
        """Yields the inputs of a text that is not the name of a file."""
        if not is_pattern(text):
            raise ValueError(f"{text or repr(text)}: no such file or folder")
        for path in files_of_pattern(text):
            yield from _caught(self._of_path(path, in_list))

    def _of_folder(self, folder: str) -> Iterator[_Found]:
        path = None
        for path in files_in_folder(folder, recursive=self._recursive):
            yield from [path] if isinstance(path, ValueError) else _caught(self._of_path(path))
        if path is None:
            hint = "" if self._recursive else "; recursive=True (--recursive) looks in those inside"
            raise ValueError(f"{folder}: no images or videos are in this folder{hint}")

    def _of_lines(self, lines: Iterator[str], name: str) -> Iterator[_Found]:
        line = None
        for line in lines:
            yield from _caught(self._of_text(line, in_list=name))
        if line is None:
            raise ValueError(f"{name}: expected one path on each line, but there are no lines")


def _caught(inputs: Iterator[_Found]) -> Iterator[_Found]:
    """Yields the inputs, and the error that ends them if there is one."""
    try:
        yield from inputs
    except ValueError as error:
        yield error


def _beside(list_name: str, path: str) -> str:
    """The path of a line: in the folder of the list if it is there, else in the current one."""
    beside = os.path.join(os.path.dirname(list_name), path)
    return path if _mode(beside) is None and not is_pattern(path) else beside


def _mode(path: str) -> int | None:
    """What is at the path, as `os.stat` says it, or None if nothing is."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: the path contains a null byte
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _kind(path: str) -> Kind | None:
    try:
        with open(path, "rb") as file:
            return kind_of(file, path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error


def _of_file(path: str, kind: Kind) -> Input:
    of_kind = {
        Kind.IMAGE: ImageFile,
        Kind.VIDEO: VideoFile,
        Kind.WEBP_ANIMATION: WebpAnimation,
    }
    return of_kind[kind](path)


def _of_address(url: str, scheme: str) -> Input:
    # Imported here, because what speaks HTTP takes a tenth of a second to load.
    from keras_ssd.inputs.downloads import Download
    from keras_ssd.inputs.streams import Stream
    from keras_ssd.web import without_password

    if scheme in ("http", "https"):
        return Download(url)
    if scheme in ("rtsp", "rtsps"):
        return Stream(url)
    name = without_password(url)
    raise ValueError(f"{name}: expected a path or an address of http, https or rtsp")
