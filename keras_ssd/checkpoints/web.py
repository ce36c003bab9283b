"""Receives a file from a server, within bounds of time and size."""

import http.client
import io
import ssl
import time
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

from keras_ssd.terminal import track_bytes

_CHUNK = 2**16
_LARGEST = 2**31  # bytes
_STALLED = 30  # seconds without a byte
_GRACE = 60  # seconds that a download may take in any case
_SLOWEST = 20_000  # bytes per second beyond that


def receive(url: str, path: Path) -> str:
    """Writes what the server sends into a file.

    The download may take 60 seconds plus one second for every 20,000 bytes, but must not pause for
    30 seconds, and the file may have up to 2 GiB. A progress bar is shown on stderr if that is a
    terminal.

    Args:
        url: an address of http or https.
        path: the file to write.

    Returns:
        The content type that the server names, such as "text/html".

    Raises:
        OSError, http.client.HTTPException: the server cannot be reached, refuses the request, or
            ends the connection too early.
        ValueError: the download is too slow or too large.
    """
    try:
        return _receive(url, path)
    except _PaceError as error:
        raise ValueError(str(error)) from error


def _receive(url, path):
    opener = urllib.request.build_opener(_PacedHandler(_Pace()))
    request = urllib.request.Request(url, headers={"User-Agent": "keras-ssd"})
    try:
        response = opener.open(request, timeout=_STALLED)
    except urllib.error.HTTPError as error:
        error.close()  # the error keeps the connection open
        raise
    with response, path.open("wb") as file:
        length, size = response.length, 0  # the length is None if the server does not send it
        with track_bytes(url.rpartition("/")[2], length) as advance:
            while chunk := response.read1(_CHUNK):
                file.write(chunk)
                size += len(chunk)
                advance(len(chunk))
        content_type = response.headers.get_content_type()
    if length is not None and size != length:
        raise ConnectionError(f"it ends after {size} of {length} bytes")
    return content_type


class _PaceError(Exception):
    """The download is too slow or too large. http.client would hide a ValueError."""


class _Pace:
    """Counts all bytes that arrive, also of redirects and headers, and ends a slow download."""

    def __init__(self):
        self._start, self._size = time.monotonic(), 0

    def count(self, size: int) -> None:
        self._size += size
        if self._size > _LARGEST:
            raise _PaceError(f"it has more than {_LARGEST} bytes")
        seconds = time.monotonic() - self._start
        if seconds > _GRACE + self._size / _SLOWEST:
            raise _PaceError(f"it is too slow: {self._size} bytes in {seconds:.0f} seconds")


class _PacedHandler(urllib.request.HTTPSHandler, urllib.request.HTTPHandler):
    """Opens http and https addresses within a pace; a socket's timeout restarts with every byte."""

    def __init__(self, pace: _Pace):
        self._tls = ssl.create_default_context()
        super().__init__(context=self._tls)
        self._pace = pace

    def http_open(self, request):
        return self.do_open(partial(self._connect, http.client.HTTPConnection), request)

    def https_open(self, request):
        connect = partial(self._connect, http.client.HTTPSConnection)
        return self.do_open(connect, request, context=self._tls)

    def _connect(self, kind, *args, **kwargs):
        connection = kind(*args, **kwargs)
        connection.response_class = partial(_PacedResponse, pace=self._pace)
        return connection


class _PacedResponse(http.client.HTTPResponse):
    def __init__(self, *args, pace: _Pace, **kwargs):
        super().__init__(*args, **kwargs)
        self.fp = io.BufferedReader(_PacedSocket(self.fp.detach(), pace))


class _PacedSocket(io.RawIOBase):
    def __init__(self, socket: io.RawIOBase, pace: _Pace):
        self._socket, self._pace = socket, pace

    def readable(self):
        return True

    def readinto(self, buffer):
        try:
            size = self._socket.readinto(buffer)
            self._pace.count(size or 0)
        except BaseException:
            self._socket.close()  # otherwise urllib leaves the body of a redirect open
            raise
        return size

    def close(self):
        self._socket.close()
        super().close()
