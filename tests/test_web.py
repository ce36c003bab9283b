"""Answers of a server; those that are slow or endless are in checkpoints/test_slow_servers.py."""

import http.server
import io
import socket
import threading
import urllib.error

import pytest

from keras_ssd import web
from keras_ssd.web import answer_of, check_not_a_page, patiently, reason_of, without_password


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append((self.path, self.headers["Authorization"]))
        code = int(self.path[1:4]) if self.path[1:4].isdigit() else 200
        self.send_response(code)
        if code == 302:
            self.send_header("Location", self.server.moved_to)
        self.send_header("Content-Type", "image/png; name=a")
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"data")

    def log_message(self, *arguments):
        pass


@pytest.fixture
def serve(monkeypatch):
    """A function that starts a server."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(web, "_PAUSES", (0, 0))
    servers = []

    def start():
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.requests, server.address = [], f"127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def fetch(url):
    file = io.BytesIO()
    with answer_of(url) as answer:
        answer.write_to(file)
    return file.getvalue()


def test_type_and_length_are_known_before_the_content_is_read(serve):
    with answer_of(f"http://{serve().address}/a.png") as answer:
        assert (answer.content_type, answer.length) == ("image/png", 4)
        file = io.BytesIO()
        answer.write_to(file)
    assert file.getvalue() == b"data"


def test_a_name_and_a_password_in_the_address_are_sent_as_http_basic(serve):
    server = serve()
    assert fetch(f"http://me:s%40cret@{server.address}/a.png") == b"data"
    assert server.requests == [("/a.png", "Basic bWU6c0BjcmV0")]  # base64 of me:s@cret


def test_the_password_is_not_sent_to_another_server(serve):
    server, other = serve(), serve()
    server.moved_to = f"http://{other.address}/b.png"
    assert fetch(f"http://me:secret@{server.address}/302") == b"data"
    assert other.requests == [("/b.png", None)]


def test_spaces_and_letters_beyond_ascii_in_an_address_are_quoted(serve):
    server = serve()
    assert fetch(f"http://{server.address}/my café.png?a=%20&b=1,2") == b"data"
    assert server.requests[0][0] == "/my%20caf%C3%A9.png?a=%20&b=1,2"


@pytest.mark.parametrize(("code", "attempts"), [(404, 1), (401, 1), (503, 3), (429, 3)])
def test_only_a_failure_that_may_pass_is_tried_again(serve, code, attempts):
    server = serve()
    with pytest.raises(urllib.error.HTTPError) as raised:
        patiently(lambda: fetch(f"http://{server.address}/{code}"))
    assert len(server.requests) == attempts
    assert reason_of(raised.value).startswith(f"the server answers {code} ")


def test_a_server_that_is_not_there_is_a_reason(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(OSError, match="refused") as raised:
            fetch(f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert reason_of(raised.value) == "Connection refused"


@pytest.mark.parametrize("url", ["http://", "http://[::1/a", "http:///a.png", "http://a:b/c"])
def test_an_address_that_is_not_complete_has_a_reason(url):
    with pytest.raises((OSError, ValueError, web.http.client.HTTPException)) as raised:
        fetch(url)
    assert reason_of(raised.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://camera/a:b@c", "http://camera/a:b@c"),
        ("http://me@camera/a", "http://me@camera/a"),
        ("http://me:secret@camera/a@b:c", "http://me:***@camera/a@b:c"),
        ("rtsp://me:se@cret@camera:554/a", "rtsp://me:***@camera:554/a"),
        ("http://:secret@camera", "http://:***@camera"),
        ("http://camera?to=me:secret@host", "http://camera?to=me:secret@host"),
    ],
)
def test_a_password_is_not_shown(url, shown):
    assert without_password(url) == shown


def test_a_web_page_is_known_by_its_type_and_by_its_first_bytes():
    for beginning, content_type in [(b"hello", "text/html"), (b"\n <html>", "image/png")]:
        with pytest.raises(ValueError, match="web page, perhaps a login page"):
            check_not_a_page(beginning, content_type)
    check_not_a_page(b"\xff\xd8\xff", "image/jpeg")
