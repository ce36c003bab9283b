"""Lists of sources: the lines of a text file or of the standard input."""

import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

_LONGEST_LINE = 2**16  # bytes
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def lines_of_file(path: str) -> Iterator[str]:
    """Yields the lines of a text file that are not empty, one by one.

    Raises:
        ValueError: the file cannot be read, or is not a text.
    """
    try:
        with open(path, "rb") as file:
            yield from _lines(file, path)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error


def lines_of_stdin() -> Iterator[str]:
    """Yields the lines of the standard input that are not empty, as soon as each arrives.

    Raises:
        ValueError: there is no standard input, or it is not a text.
    """
    stdin = getattr(sys.stdin, "buffer", None)  # notebooks have another kind of stdin
    if stdin is None:
        raise ValueError("-: this process has no standard input")
    try:
        number = stdin.fileno()
    except (AttributeError, OSError):  # it is not a file of the system
        yield from _lines(stdin, "-")
        return
    # A thread may still wait for a line when the process ends. Python aborts then if that thread
    # holds `sys.stdin`, so the lines are read through another object.
    with open(number, "rb", closefd=False) as file:
        yield from _lines(file, "-")


def _lines(file: BinaryIO, name: str) -> Iterator[str]:
    first = True
    while line := file.readline(_LONGEST_LINE):
        if first:
            line, first = line.removeprefix(_BYTE_ORDER_MARK), False
        if len(line) == _LONGEST_LINE or b"\0" in line:
            raise ValueError(f"{name}: expected one path on each line of a text")
        if line := line.rstrip(b"\r\n"):
            yield os.fsdecode(line)  # names of files need not be UTF-8
