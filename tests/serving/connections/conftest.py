"""A server without a model, which gives the answers that a test sets."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

DESCRIPTION = {
    "class_names": ["cat", "dog"],
    "image_size": 16,
    "confidence_threshold": 0.01,
    "iou_threshold": 0.45,
    "max_detections": 2,
}
ROW = {
    "boxes": [[0.0, 0.25, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0]],
    "labels": [1, -1],
    "scores": [0.9, 0.0],
    "num_detections": 1,
    "class_names": ["cat", "dog"],
    "image_sizes": [16, 16],
}


class ScriptedServer:
    """REST on 127.0.0.1, without a model: finds one dog in every image, or answers as told.

    Attributes:
        description: what the server answers to "describe".
        row: what it answers for each image.
        script: (status, headers, body) of the next answers, which come before the others. A
            function in place of a triple is called with the handler.
        requests: (path, headers, port of the client) of each request that came.
    """

    def __init__(self, tls=None):
        self.script, self.requests = [], []
        self.description, self.row = dict(DESCRIPTION), dict(ROW)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), scripted_handler(self))
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        self._http.handle_error = lambda *_: None  # a client that hung up
        self.port = self._http.server_port
        scheme = "http" if tls is None else "https"
        self.address = f"{scheme}://127.0.0.1:{self.port}/v1/models/m"

    def answer(self, body):
        rows = [self.description if body["signature_name"] == "describe" else self.row]
        return 200, (), {"predictions": rows * len(body["instances"])}

    def close(self):
        self._http.shutdown()
        self._http.server_close()


def scripted_handler(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # its connections stay open
        disable_nagle_algorithm = True
        timeout = 30

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append((self.path, self.headers, self.client_address[1]))
            answer = server.script.pop(0) if server.script else server.answer(body)
            if callable(answer):
                return answer(self)
            status, headers, content = answer
            return self.write(status, content, headers)

        def write(self, status, content, headers=()):
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    return Handler


@pytest.fixture
def waits(monkeypatch):
    """The seconds that a client would have waited between its tries."""
    waits = []
    monkeypatch.setattr("keras_ssd.serving.connection.time.sleep", waits.append)
    return waits


@pytest.fixture
def scripted():
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture(scope="package")
def authority():
    """A certificate authority that no system trusts."""
    return trustme.CA()


@pytest.fixture(scope="package")
def ca_file(authority, tmp_path_factory):
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def https(authority):
    """A ScriptedServer with a certificate that the authority signed, for 127.0.0.1 only."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    server = ScriptedServer(tls)
    yield server
    server.close()
