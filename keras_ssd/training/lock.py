"""Lets only one run at a time use a folder. The lock ends with its process, also by `kill -9`."""

import errno
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = ".lock"
_NOT_SUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_WINDOWS_BYTE = 1 << 20  # Windows locks bytes; this one is far behind the content

logger = logging.getLogger("keras_ssd")


class FolderInUseError(ValueError):
    """Another run is training in the folder."""


@contextmanager
def only_run_in(folder: Path) -> Iterator[None]:
    """Locks a folder for this process while the context lasts. It makes the folder.

    The file `.lock` stays in the folder and has the number of the last process; it does not
    lock by being there. On a disk that does not support locks, a warning is logged.

    Raises:
        FolderInUseError: another run has locked the folder, in this or in another process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _lock(descriptor, folder)
        _write_process(descriptor)
        yield
    finally:
        os.close(descriptor)


def check_unused(folder: Path) -> None:
    """Raises FolderInUseError if a run is training in the folder."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR)
    except OSError:  # there was no run yet, or the folder cannot be written to
        return
    try:
        _lock(descriptor, folder)
    finally:
        os.close(descriptor)


def _lock(descriptor, folder):
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NOT_SUPPORTED:
            logger.warning("%s: this disk has no locks, so start no second run there", folder)
            return
        os.lseek(descriptor, 0, os.SEEK_SET)
        process = os.read(descriptor, 20).decode("ascii", "replace").strip()
        by = f" (process {process})" if process else ""
        raise FolderInUseError(
            f"{folder}: another run{by} is training in this folder; wait for its end, or choose "
            "another folder"
        ) from error


def _write_process(descriptor):
    try:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except OSError:  # the disk may be full; the number only helps to find the process
        pass
