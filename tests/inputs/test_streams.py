"""Streams of a local server, which drops the connection and comes back."""

import logging
import threading
import time

import numpy as np
import pytest

from keras_ssd.inputs import find_inputs, streams

pytest.importorskip("av")
SPEED = 0.01  # seconds between two images


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(streams, "_PAUSES", (0.02, 0.04, 0.08))


@pytest.fixture
def jpeg(tmp_path):
    """A function that encodes a gray image."""
    import cv2

    def encode(gray):
        return cv2.imencode(".jpg", np.full((48, 64, 3), gray, np.uint8))[1].tobytes()

    return encode


@pytest.fixture
def mjpeg(server, jpeg):
    """A function that lets a path give a stream: some images in each connection, then none."""

    def give(path, *connections, silence=0):
        left = list(connections)

        def answer(handler):
            if not left:
                handler.send_error(404)
                return
            handler.send_response(200)
            handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            handler.end_headers()
            if handler.headers["User-Agent"] == "keras-ssd":
                return  # it only asks for the type
            for gray in left.pop(0):
                data = jpeg(gray)
                head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                handler.wfile.write(head.encode() + data + b"\r\n")
                handler.wfile.flush()
                time.sleep(SPEED)
            time.sleep(silence)

        server.answers[path] = answer
        return server.url + path

    return give


def test_a_stream_of_images_is_live_and_says_its_size(mjpeg):
    url = mjpeg("/live", [100] * 50)
    (found,) = find_inputs(url)
    assert (found.name, found.live, found.path) == (url, True, None)
    assert (found.video.width, found.video.height) == (64, 48)
    frame = next(found.frames())
    assert frame.source == url
    assert frame.number < 20  # not exactly 0, because FFmpeg reads the first ones in one go
    assert 0 <= frame.time < 1
    assert abs(int(frame.image.mean()) - 100) < 3


def test_a_stream_that_breaks_is_connected_again_and_its_numbers_go_on(mjpeg, caplog, until_error):
    url = mjpeg("/live", [50] * 20, [150] * 20)
    (found,) = find_inputs(url)
    with caplog.at_level(logging.WARNING):
        frames, message = until_error(found)
    numbers = [frame.number for frame in frames]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 39
    times = [frame.time for frame in frames]
    assert times == sorted(set(times))
    assert abs(int(frames[0].image.mean()) - 50) < 3
    assert abs(int(frames[-1].image.mean()) - 150) < 3
    assert message.startswith(
        f"{url}: the stream broke, and 3 attempts to connect again failed (Server returned 404"
    )
    told = [record.getMessage() for record in caplog.records]
    assert told[1] == f"{url}: connects again in 0.02 s (attempt 1 of 3)"
    assert told[2] == f"{url}: connected again"
    assert [line[-23:] for line in told[-3:]] == [
        "0.02 s (attempt 1 of 3)",
        "0.04 s (attempt 2 of 3)",
        "0.08 s (attempt 3 of 3)",
    ]


def test_a_stream_that_is_not_there_is_an_error_at_once(server):
    server.give("/live", b"", "multipart/x-mixed-replace")
    (found,) = find_inputs(f"{server.url}/live")
    with pytest.raises(ValueError, match=rf"^{server.url}/live: "):
        next(found.frames())
    assert len(server.requests) == 2  # for the type, and for the images


def test_a_stream_that_falls_silent_is_connected_again(mjpeg, monkeypatch, caplog):
    monkeypatch.setattr(streams, "_SILENCE", "300000")
    (found,) = find_inputs(mjpeg("/live", [50] * 10, [150] * 10, silence=3))
    begin = time.monotonic()
    frames = found.frames()
    with caplog.at_level(logging.WARNING):
        while next(frames).image.mean() < 100:
            pass
    assert time.monotonic() - begin < 3
    assert "connected again" in caplog.text
    frames.close()


def test_slow_work_gets_the_newest_image(mjpeg):
    (found,) = find_inputs(mjpeg("/live", list(range(100))))
    frames = found.frames()
    next(frames)
    time.sleep(0.5)
    assert next(frames).number > 10
    frames.close()


def test_closing_ends_the_thread(mjpeg):
    (found,) = find_inputs(mjpeg("/live", [50] * 200))
    frames = found.frames()
    next(frames)
    frames.close()
    assert "keras-ssd live input" not in [thread.name for thread in threading.enumerate()]


def test_mpeg_ts_without_a_length_is_a_stream(server, film, until_error):
    content = film("a.ts", [60] * 30, codec="mpeg2video").read_bytes()

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp2t")
        handler.end_headers()
        if handler.headers["User-Agent"] != "keras-ssd":
            handler.wfile.write(content)
            if len(server.requests) > 2:
                del server.answers["/live.ts"]

    server.answers["/live.ts"] = answer
    (found,) = find_inputs(f"{server.url}/live.ts")
    assert found.live is True
    frames, message = until_error(found)
    assert "3 attempts to connect again failed" in message
    assert frames[-1].number == 59
    assert abs(int(frames[-1].image.mean()) - 60) < 4


def test_a_password_of_a_stream_is_used_and_not_shown(mjpeg, caplog, until_error):
    url = mjpeg("/live", [50] * 5).replace("http://", "http://me:secret@")
    (found,) = find_inputs(url)
    with caplog.at_level(logging.WARNING):
        frames, message = until_error(found)
    assert frames
    assert "me:***@" in message
    assert "secret" not in message + caplog.text


def test_an_rtsp_address_without_a_server_is_named():
    (found,) = find_inputs("rtsp://me:secret@127.0.0.1:9/live")
    assert found.live
    with pytest.raises(ValueError, match=r"^rtsp://me:\*\*\*@127\.0\.0\.1:9/live: Connection refu"):
        next(found.frames())
