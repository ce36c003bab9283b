"""The input that is a stream of a camera in the network, over RTSP or HTTP."""

import logging
import threading
from collections.abc import Iterator

import numpy as np

from keras_ssd.inputs.live import LiveInput, live_info
from keras_ssd.video import BrokenVideoError, VideoInfo, VideoReader
from keras_ssd.web import without_password

_log = logging.getLogger(__name__)
_PAUSES = (1, 2, 4, 8, 16)  # seconds before each attempt to connect again
_SILENCE = "10000000"  # microseconds after which a silent connection is given up


class Stream(LiveInput):
    """A stream that has no end: RTSP, or MJPEG or MPEG-TS over HTTP.

    If the connection breaks, it is made again, up to five times in a row after pauses that grow.
    A warning in the log of `keras_ssd.inputs.streams` says so.

    Args:
        url: an address of rtsp, http or https, which may contain a name and a password.
    """

    def __init__(self, url: str):
        super().__init__(without_password(url))
        self._url = url
        self._reader: VideoReader | None = None

    @property
    def video(self) -> VideoInfo:
        if self._reader is None:
            self._reader = self._connected()
        info = self._reader.info
        return live_info(info.width, info.height, info.rate)

    def images(self, closing: threading.Event) -> Iterator[np.ndarray]:
        reader, self._reader = self._reader or self._connected(), None
        while True:
            reason = "it ended"
            try:
                with reader:
                    yield from (frame.image for frame in reader.frames())
            except BrokenVideoError as error:
                reason = self._reason(error)
            reader = self._connected_again(reason, closing)

    def _connected(self):
        # Over UDP, RTSP loses packets. The names of the time-outs differ.
        rtsp = {"rtsp_transport": "tcp", "timeout": _SILENCE}
        options = rtsp if self._url.startswith("rtsp") else {"rw_timeout": _SILENCE}
        try:
            return VideoReader(self._url, options=options)
        except ImportError as error:
            raise ValueError(f"{self.name}: {error}") from error
        except BrokenVideoError as error:
            raise BrokenVideoError(f"{self.name}: {self._reason(error)}") from error

    def _connected_again(self, reason, closing):
        _log.warning("%s: the stream broke (%s)", self.name, reason)
        for attempt, pause in enumerate(_PAUSES, 1):
            _log.warning(
                "%s: connects again in %g s (attempt %d of %d)",
                *(self.name, pause, attempt, len(_PAUSES)),
            )
            if closing.wait(pause):
                break
            try:
                reader = self._connected()
            except BrokenVideoError as error:
                reason = self._reason(error)
            else:
                _log.warning("%s: connected again", self.name)
                return reader
        raise BrokenVideoError(
            f"{self.name}: the stream broke, and {len(_PAUSES)} attempts to connect again failed "
            f"({reason})"
        )

    def _reason(self, error):
        return str(error).removeprefix(f"{self._url}: ").removeprefix(f"{self.name}: ")
