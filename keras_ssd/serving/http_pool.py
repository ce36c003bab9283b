"""HTTP connections to one server that stay open between requests."""

import base64
import contextlib
import ssl
import time
import urllib.request
from collections import deque
from collections.abc import Mapping
from email.message import Message
from http.client import HTTPConnection, HTTPSConnection, IncompleteRead
from urllib.parse import unquote, urlsplit

MAX_ANSWER = 256 * 2**20  # bytes; the detections of a large batch take a few megabytes
_CHUNK = 1 << 16
# The errors of a request on a connection that the server has closed.
_CLOSED = (ConnectionResetError, BrokenPipeError)  # http.client's RemoteDisconnected is the first


class HttpPool:
    """Sends POST requests to one server. Requests at the same time use different connections.

    A proxy is taken from the environment (`http_proxy`, `https_proxy`, `no_proxy`).

    Args:
        url: the address of the server, "http://HOST:PORT" or "https://HOST:PORT".
        timeout: the seconds that the server may stay silent.
        tls: the SSLContext that checks the server's certificate, for https.
    """

    def __init__(self, url: str, *, timeout: float, tls: ssl.SSLContext | None = None):
        parts = urlsplit(url)
        self._url, self._scheme = url, parts.scheme
        self._host, self._port = parts.hostname, parts.port
        self._timeout, self._tls = timeout, tls
        self._proxy = _proxy(parts)
        self._idle = deque()  # append and pop are thread-safe
        self._is_closed = False

    def post(
        self, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, Message, bytes]:
        """Sends one request.

        Returns:
            The status, the headers and the body of the answer.

        Raises:
            TimeoutError: the answer takes too long.
            OSError, http.client.HTTPException: there is no complete answer.
            ValueError: the answer is longer than MAX_ANSWER, or the pool is closed.
        """
        if self._is_closed:
            raise ValueError("the client is closed")
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            answer = self._post(connection, path, body, headers)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        if self._is_closed:  # by another thread in the meantime
            self.close()
        return answer

    def close(self) -> None:
        """Closes the connections. One that is in use is closed after its answer."""
        self._is_closed = True
        while self._idle:
            try:
                self._idle.pop().close()
            except IndexError:  # another thread was faster
                return

    def __del__(self):
        if hasattr(self, "_idle"):  # False if `__init__` raised an error
            self.close()

    def _open(self):
        host, port, headers = self._host, self._port, {}
        if self._proxy:
            host, port, headers = self._proxy
        if self._scheme == "http":
            return HTTPConnection(host, port, timeout=self._timeout)
        connection = HTTPSConnection(host, port, timeout=self._timeout, context=self._tls)
        if self._proxy:
            connection.set_tunnel(self._host, self._port, headers)
        return connection

    def _post(self, connection, path, body, headers):
        if self._proxy and self._scheme == "http":
            path, headers = self._url + path, {**headers, **self._proxy[2]}
        was_open = connection.sock is not None
        try:
            return self._post_once(connection, path, body, headers)
        except _CLOSED:
            connection.close()
            if not was_open:
                raise
        return self._post_once(connection, path, body, headers)  # this opens it again

    def _post_once(self, connection, path, body, headers):
        end = time.monotonic() + self._timeout
        if connection.sock is None:
            connection.connect()
        # A server that refuses a large body may answer before it has read all of it.
        with contextlib.suppress(*_CLOSED):
            connection.request("POST", path, body, headers)
        with connection.getresponse() as response:
            return response.status, response.headers, _read(response, end)


def _read(response, end):
    parts, size = [], 0
    while part := response.read1(_CHUNK):
        parts.append(part)
        size += len(part)
        if time.monotonic() > end:
            raise TimeoutError("the answer takes too long")
        if size > MAX_ANSWER:
            raise ValueError(f"the answer is longer than {MAX_ANSWER} bytes")
    if response.length:  # `read1` raises no error if bytes are missing
        raise IncompleteRead(b"", response.length)
    return b"".join(parts)


def _proxy(url):
    """Returns host, port and headers of the proxy for a URL, or None."""
    proxy = urllib.request.getproxies().get(url.scheme)
    if not proxy or urllib.request.proxy_bypass(url.netloc):
        return None
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    headers = {}
    if parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return parts.hostname, parts.port, headers
