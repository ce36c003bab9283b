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


def _readable_bytes(path):
    """The number of bytes before a box that is cut off, unless that one is of frames (mdat).

    FFmpeg reads the frames that a cut "mdat" holds, but fails for other boxes that are cut.
    """
    size, position = path.stat().st_size, 0
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
            if length == 1:  # a length of 64 bits follows
                length = int.from_bytes(file.read(8), "big")
            if position + length > size:
                return size if kind == b"mdat" else position
            position += max(8, length)
    return position
