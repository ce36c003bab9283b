"""Paths to read from, and files that are written whole or not at all."""

import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

_UNFINISHED = re.compile(r"\..{0,20}-[0-9a-f]{16}(\..*)?", re.DOTALL)  # see `replace_file`


def as_many(sources: Any) -> Iterable:
    """Returns an iterable of sources, even if only one source is given.

    Args:
        sources: one source, or an iterable of sources, which is returned as it is. One string is
            one source, and so is a path, an array or a PIL image.

    Raises:
        ValueError: `sources` is neither a source nor an iterable.

    Examples:
        >>> as_many("dog.jpg")
        ['dog.jpg']
        >>> as_many(["dog.jpg", "cat.jpg"])
        ['dog.jpg', 'cat.jpg']
    """
    if isinstance(sources, str | bytes | os.PathLike | np.ndarray) or is_pil_image(sources):
        return [sources]
    if not isinstance(sources, Iterable):
        kind = type(sources).__name__
        raise ValueError(f"sources: expected one source or several of them, not {kind}")
    return sources


def is_pil_image(value: Any) -> bool:
    """Tells whether the value is an image of PIL, which this function does not import."""
    pil = sys.modules.get("PIL.Image")
    return pil is not None and isinstance(value, pil.Image)


def checked_output(path: str | Path, *suffixes: str) -> Path:
    """Checks the path of a file to write, and returns it as a Path.

    Args:
        path: the path to check.
        suffixes: the endings that the name may have, such as ".json"; none allow all.

    Raises:
        ValueError: the name does not end in one of the suffixes, a folder has this name, or the
            file would be in something that is not a folder.
    """
    path = Path(path)
    if suffixes and path.suffix not in suffixes:
        raise ValueError(f"{path}: the name must end in {' or '.join(suffixes)}")
    if path.is_dir():
        raise ValueError(f"{path}: expected the name of a file to write, but a folder is there")
    checked_folder(path.parent)
    return path


def checked_folder(path: str | Path) -> Path:
    """Checks the path of a folder to write, and returns it as a Path.

    Args:
        path: the path of a folder, which need not exist.

    Raises:
        ValueError: it, or the folder that it would be made in, is a file or cannot be written to.
    """
    path = Path(path)
    existing = next(one for one in (path, *path.absolute().parents) if one.exists())
    if not existing.is_dir():
        raise ValueError(f"{path}: expected a folder, but {existing} is a file")
    if not os.access(existing, os.W_OK):
        raise ValueError(f"{path}: cannot be written, because {existing} is read-only")
    return path


def replace_file(path: str | Path, write: Callable[[Path], object], *, sync: bool = True) -> None:
    """Lets `write` fill a new file beside `path`, and puts it in place once it is complete.

    Threads and processes may write into one folder at once. Where they write the same file, the
    last one to finish wins. A symbolic link stays, and the file that it names is replaced.

    Args:
        path: the file to write. Its folder is made if it does not exist.
        write: a function that fills the file at the path that it is called with. That file has the
            same suffix as `path`, because Keras and others choose the format by the suffix.
        sync: whether to wait until the disk has the content, so that a power cut cannot lose it.
            False is for many small files that can be made again.

    Raises:
        OSError: the file cannot be written, for example in a read-only folder; the error names
            `path`. An error of `write` is raised as it is. In both cases an earlier file stays as
            it was, and nothing is left beside it.
    """
    path = Path(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    if target.exists() and not target.is_file():
        raise ValueError(f"{path}: expected the name of a file to write, but it is not a file")
    # Names have at most 255 bytes, so an ending that is not a suffix is cut short.
    ending = "".join(target.suffixes[-2:])[-40:]
    stem = target.name.removesuffix(ending)[:20]
    unfinished = target.with_name(f".{stem}-{secrets.token_hex(8)}{ending}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.open("xb").close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        write(unfinished)
        if sync:
            with unfinished.open("rb+") as file:
                os.fsync(file.fileno())  # a power cut could leave the name without the content
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def remove_unfinished(folder: str | Path) -> None:
    """Removes the files that `replace_file` left in a folder because its process was killed.

    Call it only if nothing else writes into the folder.
    """
    for path in Path(folder).iterdir():
        if _UNFINISHED.fullmatch(path.name):
            path.unlink(missing_ok=True)


def write_text(path: str | Path, text: str, *, sync: bool = True) -> None:
    """Writes text as UTF-8 with "\\n" at the ends of lines; see `replace_file`."""

    def write(unfinished: Path) -> None:
        unfinished.write_text(text, "utf-8", newline="\n")

    replace_file(path, write, sync=sync)
