"""PyAV, which brings FFmpeg: imported where a video is opened, and set up in one place."""

import contextlib
import logging
import os
import threading
from collections.abc import Iterator
from types import ModuleType
from typing import Any

# Demuxers that read one video and nothing else. FFmpeg has others that take text for a film, or
# that open further files and addresses which a text names.
_FILES = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,h264,hevc,vvc,obu,av1,ivf,flv,asf,ogg,gif,apng,nut,"
    "mxf,gxf,wtv,dv,rm,yuv4mpegpipe,mjpeg,mpjpeg,r3d,amv,bink,smk"
)
_STREAMS = _FILES + ",live_flv,hls,rtsp,rtp,sdp"
_TIMEOUT = 30.0  # seconds until an address must answer


_lock = threading.Lock()
_listening = 0  # blocks of `logged_errors` that are running
_silent_before = True


def pyav() -> ModuleType:
    """Imports and returns the module `av`.

    Raises:
        ImportError: PyAV is not installed, or does not load.
    """
    try:
        import av
    except ImportError as error:
        raise ImportError(f'videos need PyAV ({error}): pip install "av>=18,<19"') from error
    logger = logging.getLogger("libav")
    if logger.level != logging.CRITICAL:  # threads of FFmpeg would print what they log
        logger.setLevel(logging.CRITICAL)
    return av


@contextlib.contextmanager
def logged_errors() -> Iterator[list[tuple[int, str, str]]]:
    """Collects the errors that FFmpeg logs in this thread within the block.

    A demuxer that skips damaged bytes does not say so in another way. Outside such blocks FFmpeg
    logs nothing, as PyAV's default is.
    """
    global _listening, _silent_before
    av = pyav()
    with _lock:
        _listening += 1
        if _listening == 1:
            _silent_before = av.logging.get_level() is None
            if _silent_before:
                av.logging.set_level(av.logging.ERROR)
                av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as errors:
            yield errors
    finally:
        with _lock:
            _listening -= 1
            if not _listening and _silent_before:
                av.logging.set_level(None)
                av.logging.set_skip_repeated(True)


def is_url(path_or_url: str | os.PathLike) -> bool:
    """Tells whether this is an address, not a path."""
    return isinstance(path_or_url, str) and "://" in path_or_url


def open_input(
    path_or_url: str | os.PathLike, options: dict[str, str], *, size: int | None = None
) -> Any:
    """Opens a container of PyAV for reading.

    Args:
        path_or_url: a file or an address.
        options: options of FFmpeg.
        size: the number of bytes of the file after which it ends; by default all.

    Raises:
        av.FFmpegError: it is not a video, or it cannot be opened.
    """
    av = pyav()
    if is_url(path_or_url):
        options = {"format_whitelist": _STREAMS, **options}
        return av.open(path_or_url, options=options, timeout=_TIMEOUT)
    # Without "file:", a name such as "a:b.mp4" would be an address of the protocol "a".
    name = f"file:{os.fspath(path_or_url)}"
    if size is not None:
        name = f"subfile,,start,0,end,{size},,:{name}"
    return av.open(name, options={"format_whitelist": _FILES, **options})
