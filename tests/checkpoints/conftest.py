"""A local server with good and bad files."""

import http.server
import threading
import time

import pytest

from keras_ssd import web

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 9000
PAGE = b"\n<!DOCTYPE html><title>Please log in</title>"


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the path's file name."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append(self.path)
        name = self.path.partition("?")[0].rpartition("/")[2].partition(".")[0]
        self.close_connection = True
        getattr(self, f"send_{name}")()

    def start(self, status=200, **headers):
        self.send_response(status)
        for key, value in {"Connection": "close", **headers}.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()

    def send_whole(self):
        self.start(Content_Length=len(CONTENT), Content_Type="text/html")
        self.wfile.write(CONTENT)

    def send_unknown_length(self):
        self.start()
        self.wfile.write(CONTENT)

    def send_chunked(self, end=b"0\r\n\r\n"):
        self.start(Transfer_Encoding="chunked")
        self.wfile.write(b"%x\r\n" % len(CONTENT) + CONTENT + b"\r\n" + end)

    def send_cut_chunked(self):
        self.send_chunked(end=b"ffff\r\nabc")

    def send_cut(self):
        self.start(Content_Length=len(CONTENT))
        self.wfile.write(CONTENT[:-1000])

    def send_absent(self):
        self.start(404, Content_Length=0)

    def send_moved(self):
        self.start(302, Location="/whole.pth", Content_Length=0)

    def send_busy(self):
        if len(self.server.requests) < 3:
            self.start(503, Content_Length=0)
        else:
            self.send_whole()

    def send_always_busy(self):
        self.start(429, Content_Length=0)

    def send_broken(self):
        if len(self.server.requests) < 3:
            return  # hangs up without a word
        self.send_whole()

    def send_login(self):
        self.start(Content_Type="text/html; charset=utf-8", Content_Length=len(PAGE))
        self.wfile.write(PAGE)

    def send_hidden_login(self):
        self.start(Content_Type="application/octet-stream")
        self.wfile.write(PAGE)

    def send_plain_login(self):
        self.start(Content_Type="text/html")
        self.wfile.write(b"Please log in")

    def send_text(self):
        self.start()
        self.wfile.write(b"Access denied.")

    def send_empty(self):
        self.start()

    def send_drip(self, start=lambda self: self.start(), drop=b"x"):
        start(self)
        try:
            for _ in range(200):  # 20 s
                self.wfile.write(drop)
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            pass  # the other side hung up

    def send_drip_of_known_length(self):
        self.send_drip(lambda self: self.start(Content_Length=100_000))

    def send_drip_of_chunks(self):
        self.send_drip(lambda self: self.start(Transfer_Encoding="chunked"), b"1\r\nx\r\n")

    def send_drip_of_headers(self):
        self.send_drip(lambda self: self.wfile.write(b"HTTP/1.1 200 OK\r\n"), b"X-A: b\r\n")

    def send_drip_of_a_header(self):
        self.send_drip(lambda self: self.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: "), b"a")

    def send_drip_of_a_redirect(self):
        self.send_drip(lambda self: self.start(302, Location="/whole.pth"))

    def send_silent(self):
        self.start(Content_Length=10)
        time.sleep(5)

    def send_endless(self):
        self.start()
        try:
            while True:
                self.wfile.write(CONTENT)
        except OSError:
            pass

    def log_message(self, *arguments):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass  # such as a connection that the client has closed


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(web, "_PAUSES", (0, 0))
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=[0.05], daemon=True).start()
        yield server
        server.shutdown()
