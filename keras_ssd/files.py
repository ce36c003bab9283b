"""Files that are written whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def checked_output(path: str | Path, *suffixes: str) -> Path:
    """The path of a file to write; ValueError if it ends in none of these, or a folder is there."""
    path = Path(path)
    if path.suffix not in suffixes:
        raise ValueError(f"{path}: the name must end in {suffixes[0]}")
    if path.is_dir():
        raise ValueError(f"{path}: expected the name of a file to write, but a folder is there")
    return path


def replace_file(path: str | Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a new file beside `path`, and puts it in place once it is complete.

    The new file's name ends as that of `path`, by which Keras and others tell the format. Its
    folder is made if it is not there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished-{os.getpid()}{''.join(path.suffixes[-2:])}")
    try:
        write(unfinished)
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())  # else a power cut may leave the name without the content
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
