"""The `.tar.gz` archives of TensorFlow's model zoo, unpacked within bounds of time and memory."""

import gzip
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any

CHECKPOINT_FILES = ("model.ckpt.index", "model.ckpt.data-00000-of-00001")
_LARGEST_ARCHIVE = 2**30  # bytes; the largest SSD with its optimizer's state takes 0.4 GiB
_LARGEST_RATIO = 20  # weights hardly shrink when they are compressed
_MOST_HEADERS = 2**18  # bytes; a plain file takes 512 of them
_LARGEST_HEADER = 2**12  # bytes; a long name or other attributes are one header
_CHUNK = 2**20
_UNREADABLE = (
    # zlib has an error of its own, and EOFError says that the file is cut off.
    *(OSError, EOFError, tarfile.TarError, zlib.error),
    # tarfile lets these through: numbers of thousands of digits, chains of headers.
    *(ValueError, RecursionError, OverflowError),
)


class _RefusedError(Exception):
    """The archive would take too much memory or time, or contains something unexpected."""


def extract_checkpoint(archive: Path, folder: Path) -> Path:
    """Writes the two files of the archive's `model.ckpt` into `folder`, and nothing else.

    They may be in any folder of the archive. The archive may unpack to at most 1 GiB, and to at
    most 20 times its own size plus 1 MiB. Its headers may take at most 256 KiB.

    Returns:
        The prefix of the checkpoint in `folder`.

    Raises:
        ValueError: a file is missing or not a plain file, or the archive is damaged or too large.
    """
    missing = set(CHECKPOINT_FILES)
    try:
        largest = min(_LARGEST_ARCHIVE, 2**20 + _LARGEST_RATIO * archive.stat().st_size)
        with (
            gzip.open(archive) as unpacked,
            _open_tar(_Headers(unpacked, largest)) as file,
        ):
            for member in file:
                name = PurePosixPath(member.name).name
                if name in missing:  # a second file with this name is ignored
                    missing.remove(name)
                    _check(member, largest)
                    with (folder / name).open("wb") as copy:
                        _copy(unpacked, member.size, copy)
    except _RefusedError as error:
        raise ValueError(f"{archive}: refused: {error}") from error
    except _UNREADABLE as error:
        raise ValueError(f"{archive}: not a readable .tar.gz: {error}") from error
    if missing:
        raise ValueError(f"{archive}: lacks {', '.join(sorted(missing))}")
    return folder / "model.ckpt"


def _open_tar(file: Any) -> tarfile.TarFile:
    return tarfile.open(fileobj=file, mode="r:")


def _check(member: tarfile.TarInfo, largest: int) -> None:
    name = ascii(member.name[:100])
    if not member.isreg() or member.issparse():
        raise _RefusedError(f"{name} is not a plain file")
    if member.size > largest:
        raise _RefusedError(
            f"{name} has {member.size} bytes; expected at most {largest} in this archive"
        )


def _copy(source: gzip.GzipFile, size: int, target: IO[bytes]) -> None:
    while size > 0:
        chunk = source.read(min(size, _CHUNK))
        if not chunk:
            raise EOFError("it is cut off")
        target.write(chunk)
        size -= len(chunk)


class _Headers:
    """A file for tarfile, which reads at once as many bytes as a header claims to have."""

    def __init__(self, file: gzip.GzipFile, largest: int):
        self._file, self._largest = file, largest
        self._left = _MOST_HEADERS

    def read(self, size: int) -> bytes:
        self._left -= size
        if size > _LARGEST_HEADER or self._left < 0:
            raise _RefusedError(
                f"its headers are too long; expected at most {_LARGEST_HEADER} bytes each and "
                f"{_MOST_HEADERS} in all"
            )
        return self._file.read(size)

    def seek(self, position: int) -> int:
        # Headers with a negative size would make tarfile go back, again and again.
        if not self._file.tell() <= position <= self._largest:
            raise _RefusedError(
                f"its files reach beyond the {self._largest} bytes expected at most"
            )
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()
