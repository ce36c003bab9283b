"""The encoded frames in a part of a video."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from keras_ssd.video.pyav import open_input, pyav


def whole_packets(path: str | os.PathLike) -> Iterator[Any]:
    """Yields the packets of a part up to the first that is not complete.

    The process that wrote the part may have been killed at any byte.
    """
    av = pyav()
    try:
        size = _readable_bytes(Path(path))
        container = open_input(path, {}, size=size)
    except (av.FFmpegError, OSError):
        return
    with container:
        try:
            for packet in container.demux(video=0):
                if not packet.size or packet.is_corrupt or packet.pos + packet.size > size:
                    return
                yield packet
        except av.FFmpegError:
            return


def drop_half_fragment(path: str | os.PathLike) -> None:
    """Cuts a part behind its last whole fragment, so that players reach its end without an error.

    Raises:
        OSError: the file cannot be changed.
    """
    size, whole = Path(path).stat().st_size, 0
    for kind, end in _boxes(Path(path)):
        if kind == b"mdat" and end <= size:
            whole = end
    os.truncate(path, whole)


def _readable_bytes(path):
    """Returns the number of bytes that FFmpeg can read.

    It reads the frames that a box "mdat" holds which is cut off, but fails for other such boxes.
    """
    size, readable = path.stat().st_size, 0
    for kind, end in _boxes(path):
        if end <= size:
            readable = end
        elif kind == b"mdat":
            readable = size
    return readable


def _boxes(path):
    """Yields (kind, position of the end) of the boxes of an MP4; the last may be cut off."""
    position = 0
    with path.open("rb") as file:
        while len(header := file.read(8)) == 8:
            length, kind = int.from_bytes(header[:4], "big"), header[4:]
            if length == 1:  # a length of 64 bits follows
                length = int.from_bytes(file.read(8), "big")
            position += max(8, length)
            yield kind, position
            file.seek(position)
