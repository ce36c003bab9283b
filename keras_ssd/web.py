"""Receives files from servers, within bounds of time and size."""

import base64
import http.client
import io
import re
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from keras_ssd.terminal import track_bytes

Result = TypeVar("Result")
_CHUNK = 2**16
_LARGEST = 2**31  # bytes
_STALLED = 30  # seconds without a byte
_GRACE = 60  # seconds that a download may take in any case
_SLOWEST = 20_000  # bytes per second beyond that
_PAUSES = (1, 4)  # seconds before the second and the third attempt
_NOT_QUOTED = "%/:=&?~#+!$,;'@()*[]"  # what browsers send as it is
_PASSING = (408, 429, 500, 502, 503, 504)  # HTTP statuses of failures that may pass


class Answer:
    """What a server answers: the header, which has arrived, and the content, which may come.

    Attributes:
        content_type: the type that the server names, such as "text/html".
        length: the number of bytes of the content; None if the server does not state it.
    """

    def __init__(self, response: http.client.HTTPResponse):
        self._response = response
        self.content_type: str = response.headers.get_content_type()
        self.length: int | None = response.length

    def write_to(
        self, file: BinaryIO, advance: Callable[[int], object] = lambda size: None
    ) -> None:
        """Writes the content into a file.

        Args:
            file: a file that is open for writing.
            advance: a function that is called with the number of bytes of each piece that arrives.

        Raises:
            OSError, http.client.HTTPException: the server ends the connection too early.
        """
        size = 0
        while chunk := self._response.read1(_CHUNK):
            file.write(chunk)
            size += len(chunk)
            advance(len(chunk))
        if self.length is not None and size != self.length:
            raise ConnectionError(f"it ends after {size} of {self.length} bytes")


@contextmanager
def answer_of(url: str) -> Iterator[Answer]:
    """Asks a server for an address, and closes the connection at the end of the `with` block.

    The whole answer may take 60 seconds plus one second for every 20,000 bytes, but must not pause
    for 30 seconds, and may have up to 2 GiB. A name and a password in the address are sent to its
    server, and not to others that the server refers to.

    Args:
        url: an address of http or https.

    Raises:
        OSError, http.client.HTTPException: the server cannot be reached, refuses the request, or
            ends the connection too early.
        ValueError: the answer is too slow or too large, or the address is not complete.
    """
    opener = urllib.request.build_opener(_PacedHandler(_Pace()))
    request = _request(url)
    try:
        try:
            response = opener.open(request, timeout=_STALLED)
        except urllib.error.HTTPError as error:
            error.close()  # the error keeps the connection open
            raise
        with response:
            yield Answer(response)
    except _PaceError as error:
        raise ValueError(str(error)) from error


def receive(url: str, path: Path) -> str:
    """Writes what the server sends into a file, within the bounds of `answer_of`.

    A progress bar is shown on stderr if that is a terminal.

    Args:
        url: an address of http or https.
        path: the file to write.

    Returns:
        The content type that the server names, such as "text/html".

    Raises:
        OSError, http.client.HTTPException, ValueError: as in `answer_of`.
    """
    with answer_of(url) as answer, path.open("wb") as file:
        with track_bytes(url.rpartition("/")[2], answer.length) as advance:
            answer.write_to(file, advance)
        return answer.content_type


def patiently(ask: Callable[[], Result]) -> Result:
    """Returns what `ask` returns; calls it up to three times if its failure may pass.

    Args:
        ask: a function that asks a server.
    """
    for pause in _PAUSES:
        try:
            return ask()
        except (OSError, http.client.HTTPException) as error:
            if not _may_pass(error):
                raise
        time.sleep(pause)
    return ask()


def reason_of(error: Exception) -> str:
    """Says why a request failed.

    Args:
        error: what `answer_of` or `receive` raised.
    """
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answers {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        error = error.reason if isinstance(error.reason, Exception) else error
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error) or type(error).__name__


def check_not_a_page(beginning: bytes, content_type: str) -> None:
    """Raises ValueError if an answer with these first bytes and of this type is a web page."""
    if content_type == "text/html" or beginning.lstrip()[:1] == b"<":
        raise ValueError("it is a web page, perhaps a login page or an error message")


def without_password(url: str) -> str:
    """Returns the address with `***` in place of a password.

    Examples:
        >>> from keras_ssd.web import without_password
        >>> without_password("rtsp://me:secret@camera:554/live")
        'rtsp://me:***@camera:554/live'
    """
    return re.sub(r"^(\w+://[^/?#:@]*):[^/?#]*@", r"\1:***@", url)


def _request(url):
    """Builds a request for an address; a name and password in it are sent as HTTP Basic."""
    login, at, _ = urllib.parse.urlsplit(url).netloc.rpartition("@")
    address = urllib.parse.quote(url.replace(login + at, "", 1), safe=_NOT_QUOTED)
    request = urllib.request.Request(address, headers={"User-Agent": "keras-ssd"})
    if at:
        token = base64.b64encode(urllib.parse.unquote_to_bytes(login)).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def _may_pass(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in _PASSING
    if isinstance(error, urllib.error.URLError):
        return not isinstance(error.reason, ssl.SSLCertVerificationError)
    return isinstance(error, ConnectionError | TimeoutError | http.client.HTTPException)


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

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connect, http.client.HTTPConnection), request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        connect = partial(self._connect, http.client.HTTPSConnection)
        return self.do_open(connect, request, context=self._tls)

    def _connect(self, kind, *args, **kwargs):
        connection = kind(*args, **kwargs)
        connection.response_class = partial(_PacedResponse, pace=self._pace)
        return connection


class _PacedResponse(http.client.HTTPResponse):
    def __init__(self, *args: Any, pace: _Pace, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fp = io.BufferedReader(_PacedSocket(self.fp.detach(), pace))


class _PacedSocket(io.RawIOBase):
    def __init__(self, socket: io.RawIOBase, pace: _Pace):
        self._socket, self._pace = socket, pace

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        try:
            size = self._socket.readinto(buffer)
            self._pace.count(size or 0)
        except BaseException:
            self._socket.close()  # otherwise urllib leaves the body of a redirect open
            raise
        return size

    def close(self) -> None:
        self._socket.close()
        super().close()
