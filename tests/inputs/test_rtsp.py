"""A camera that speaks RTSP, on a local server."""

import base64
import socketserver
import struct
import threading
import time

import pytest

from keras_ssd.inputs import find_inputs, streams

pytest.importorskip("av")
SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=live\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP 33\r\na=control:track\r\n"  # 33 is MPEG-TS
)
LOGIN = "Basic " + base64.b64encode(b"me:secret").decode()


class Handler(socketserver.StreamRequestHandler):
    """Answers the requests of one connection, and after PLAY sends what the server has."""

    def handle(self):
        while lines := self.request_lines():
            method = lines[0].split()[0]
            self.server.methods.append(method)
            headers = dict(line.split(": ", 1) for line in lines[1:])
            if "*" not in self.server.open_to and headers.get("Authorization") != LOGIN:
                self.answer(headers, "401 Unauthorized", 'WWW-Authenticate: Basic realm="a"')
            elif method == "DESCRIBE":
                self.answer(headers, "200 OK", "Content-Type: application/sdp", content=SDP)
            elif method == "SETUP":
                transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
                self.answer(headers, "200 OK", transport, "Session: 1")
            elif method == "PLAY":
                self.answer(headers, "200 OK", "Session: 1")
                self.send_media()
                return
            else:
                self.answer(headers, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY")

    def request_lines(self):
        lines = []
        while line := self.rfile.readline().decode().strip():
            lines.append(line)
        return lines

    def answer(self, headers, status, *more, content=""):
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers['CSeq']}", *more]
        text = "\r\n".join([*lines, f"Content-Length: {len(content)}", "", content])
        self.wfile.write(text.encode())

    def send_media(self):
        if not self.server.films:
            return
        media, size = self.server.films.pop(0), 7 * 188
        for number, start in enumerate(range(0, len(media), size)):
            packet = struct.pack(">BBHII", 0x80, 33, number, number * 3600, 1)
            packet += media[start : start + size]
            self.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            time.sleep(0.002)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        pass  # such as a connection that the client has closed


@pytest.fixture
def camera(film, monkeypatch):
    """A server that sends two films, each in a connection of its own."""
    monkeypatch.setattr(streams, "_PAUSES", (0.02, 0.04))
    with Server(("127.0.0.1", 0), Handler) as server:
        server.methods, server.open_to = [], "*"
        server.films = [
            film(f"{gray}.ts", [gray] * 40, codec="mpeg2video").read_bytes() for gray in (60, 160)
        ]
        server.address = f"127.0.0.1:{server.server_address[1]}/live"
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield server
        server.shutdown()


def test_an_rtsp_stream_is_read_over_tcp_and_connected_again(camera, until_error):
    (found,) = find_inputs(f"rtsp://{camera.address}")
    assert found.live
    assert camera.methods == []
    frames, message = until_error(found)
    assert camera.methods[:4] == ["OPTIONS", "DESCRIBE", "SETUP", "PLAY"]
    assert frames[0].image.shape == (48, 64, 3)
    assert 70 < frames[-1].number < 80  # the end of MPEG-TS is lost where a connection breaks
    assert abs(int(frames[0].image.mean()) - 60) < 4
    assert abs(int(frames[-1].image.mean()) - 160) < 4
    assert "the stream broke, and 2 attempts to connect again failed" in message


def test_a_name_and_a_password_open_an_rtsp_stream(camera):
    camera.open_to = ""
    (found,) = find_inputs(f"rtsp://me:secret@{camera.address}")
    assert (found.video.width, found.video.height) == (64, 48)
    frames = found.frames()
    assert next(frames).source == f"rtsp://me:***@{camera.address}"
    frames.close()


def test_an_rtsp_stream_that_wants_a_password_is_named(camera):
    camera.open_to = ""
    (found,) = find_inputs(f"rtsp://{camera.address}")
    with pytest.raises(ValueError, match=rf"^rtsp://{camera.address}: .*401"):
        next(found.frames())
