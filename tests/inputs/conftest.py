"""Images and videos to find, on this computer and on a local server."""

import http.server
import threading

import numpy as np
import pytest

from keras_ssd import web
from keras_ssd.images import write_image
from keras_ssd.inputs import find_inputs


@pytest.fixture
def photo(tmp_path):
    """A function that writes a photo of one gray value under a name in the test's folder."""

    def write(name, gray=90, height=6, width=8):
        path = tmp_path / name
        write_image(np.full((height, width, 3), gray, np.uint8), tmp_path / f"{name}.png")
        (tmp_path / f"{name}.png").rename(path)
        return path

    return write


@pytest.fixture
def found():
    """A function that returns the names of what is found and the messages of what is not."""

    def find(sources, **options):
        errors = []
        inputs = list(find_inputs(sources, on_error=errors.append, **options))
        return [one.name for one in inputs], [str(error) for error in errors]

    return find


@pytest.fixture
def until_error():
    """A function that returns the frames of an input, and the message of the error after them."""

    def read(one):
        frames = []
        try:
            for frame in one.frames():
                frames.append(frame)
        except ValueError as error:
            return frames, str(error)
        raise AssertionError("no error ends the frames")

    return read


@pytest.fixture
def film(tmp_path):
    """A function that writes a video at 10 frames a second, one frame for each gray value."""
    av = pytest.importorskip("av")

    def write(name, grays=(0, 40, 80, 120, 160), codec="mpeg4", size=(64, 48), **options):
        width, height = size
        path = tmp_path / name
        with av.open(str(path), "w", **options) as file:
            stream = file.add_stream(codec, rate=10)
            stream.width, stream.height = size
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            for gray in grays:
                image = np.full((height, width, 3), gray, np.uint8)
                file.mux(stream.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
            file.mux(stream.encode())
        return path

    return write


class Server(http.server.ThreadingHTTPServer):
    """A server that answers with the function of `answers` for each path."""

    daemon_threads = True
    block_on_close = False

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.requests = {}, []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        pass  # such as a connection that the client has closed

    def give(self, path, content, content_type, *, length=True, status=200):
        """Lets a path answer with a content."""

        def answer(handler):
            handler.send_response(status)
            handler.send_header("Content-Type", content_type)
            if length:
                handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)

        self.answers[path] = answer
        return self.url + path


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        self.server.requests.append(self.path)
        if path in self.server.answers:
            self.server.answers[path](self)
        else:
            self.send_error(404)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(web, "_PAUSES", (0, 0))
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield server
        server.shutdown()
