"""The images and videos of folders and of patterns such as `photos/*.jpg`, in natural order."""

import glob
import os
import re
from collections.abc import Iterator

from keras_ssd.inputs.kinds import is_media_name

_DIGITS = re.compile("([0-9]+)")


def natural_key(name: str) -> tuple:
    """Returns a key that sorts names with numbers by their value and without regard to case.

    Examples:
        >>> from keras_ssd.inputs.folders import natural_key
        >>> sorted(["b.jpg", "a10.jpg", "a9.jpg"], key=natural_key)
        ['a9.jpg', 'a10.jpg', 'b.jpg']
    """
    parts = _DIGITS.split(name.casefold())  # text and digits take turns
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def files_in_folder(folder: str, *, recursive: bool) -> Iterator[str | ValueError]:
    """Yields the paths of the images and videos in a folder, by their suffixes.

    Names that begin with a dot are left out. The error of a folder inside it that cannot be read
    is yielded in its place.

    Args:
        folder: the path of the folder.
        recursive: True also looks in the folders inside it, and in those that links name.

    Raises:
        ValueError: the folder cannot be read.
    """
    yield from _walk(folder, recursive, within=())


def _walk(folder, recursive, within):
    try:
        status = os.stat(folder)
        with os.scandir(folder) as entries:
            entries = sorted(
                (entry for entry in entries if _is_wanted(entry, recursive)),
                key=lambda entry: natural_key(entry.name),
            )
    except OSError as error:
        raise ValueError(f"{folder}: {error.strerror}") from error
    place = status.st_dev, status.st_ino
    if place in within:
        return  # a link leads back to a folder that this one is in
    for entry in entries:
        if not entry.is_dir():
            yield entry.path
            continue
        try:
            yield from _walk(entry.path, recursive, (*within, place))
        except ValueError as error:
            yield error


def _is_wanted(entry, recursive):
    if entry.name.startswith("."):
        return False
    return recursive if entry.is_dir() else is_media_name(entry.name)


def is_pattern(text: str) -> bool:
    """Tells whether a text is a pattern: whether it has `*`, `?` or `[`."""
    return glob.has_magic(text)


def files_of_pattern(pattern: str) -> list[str]:
    """Returns the files that match a pattern; only images and videos if there are any among them.

    `**` means any number of folders. Names that begin with a dot are left out.

    Raises:
        ValueError: nothing matches, or only folders do.
    """
    paths = sorted(glob.glob(pattern, recursive=True), key=natural_key)
    files = [path for path in paths if not os.path.isdir(path)]
    if paths and not files:
        raise ValueError(f"{pattern}: only folders match this pattern")
    if not files:
        raise ValueError(f"{pattern}: no file matches this pattern")
    return [path for path in files if is_media_name(path)] or files
