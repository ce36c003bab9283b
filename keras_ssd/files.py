"""Files that are written whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def replace_file(path: str | Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a new file beside `path`, and puts it in place once it is complete.

    The new file's name ends as that of `path`, by which Keras and others tell the format.
    """
    path = Path(path)
    unfinished = path.with_name(f"unfinished-{os.getpid()}{''.join(path.suffixes[-2:])}")
    try:
        write(unfinished)
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())  # else a power cut may leave the name without the content
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
