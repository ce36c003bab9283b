"""Images and videos on a local server."""

import gc
import tempfile

import pytest

from keras_ssd.inputs import find_inputs

PAGE = b"\n<!DOCTYPE html><title>Please log in</title>"


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder that downloads are kept in."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def grays(found):
    return [round(float(frame.image.mean()), -1) for frame in found.frames()]


def one(url):
    (found,) = find_inputs(url)
    return found


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "text/html"])
@pytest.mark.parametrize("path", ["/a.png", "/a", "/a.mp4"])
def test_an_image_is_known_by_its_content(server, photo, temporary, content_type, path):
    url = server.give(path, photo("a.png").read_bytes(), content_type)
    found = one(f"{url}?size=1/2")
    assert server.requests == []  # nothing is asked for before it is its turn
    assert (found.video, found.live) == (None, False)
    frames = list(found.frames())
    assert [frame.source for frame in frames] == [f"{url}?size=1/2"]
    assert (frames[0].image == 90).all()
    assert len(server.requests) == 1
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("length", [True, False])
def test_a_video_is_kept_in_a_file_as_long_as_it_is_used(server, film, temporary, length):
    content = film("a.mp4").read_bytes()
    found = one(server.give("/a.mp4", content, "video/mp4", length=length))
    assert (found.video.width, found.live) == (64, False)
    assert grays(found) == [0, 40, 80, 120, 160]
    assert [frame.number for frame in found.frames(3)] == [3, 4]
    assert [str(path) for path in temporary.iterdir()] == [found.path]
    assert len(server.requests) == 1
    del found
    gc.collect()
    assert list(temporary.iterdir()) == []


def test_a_file_of_mpeg_ts_with_a_length_is_not_a_stream(server, film):
    found = one(server.give("/a.ts", film("a.ts").read_bytes(), "video/mp2t"))
    assert found.live is False
    assert grays(found) == [0, 40, 80, 120, 160]


@pytest.mark.parametrize("path", ["/a.jpg", "/a.mp4", "/a"])
@pytest.mark.parametrize("content_type", ["text/html", "image/jpeg"])
def test_a_login_page_is_named_as_such(server, temporary, path, content_type):
    url = server.give(path, PAGE, content_type)
    found = one(url)
    with pytest.raises(ValueError, match=rf"^{url}: it is a web page, perhaps a login page"):
        next(found.frames())
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "content_type", "reason"),
    [
        (b"{}", "application/json", "expected an image or a video, but the type is application/js"),
        (b"", "image/jpeg", "the image is empty"),
        (b"text", "image/jpeg", "not an image"),
        (b"text", "video/mp4", "not a video"),
    ],
)
def test_what_is_neither_an_image_nor_a_video_is_named(
    server, temporary, content, content_type, reason
):
    url = server.give("/a", content, content_type)
    with pytest.raises(ValueError, match=rf"^{url}: {reason}") as raised:
        next(one(url).frames())
    assert str(temporary) not in str(raised.value)


def test_what_the_server_refuses_is_named_with_its_reason(server, temporary):
    url = server.give("/secret.jpg", b"", "text/html", status=401)
    with pytest.raises(ValueError, match=rf"^{url}: the server answers 401 Unauthorized$"):
        next(one(url).frames())
    with pytest.raises(ValueError, match=r"gone\.jpg: the server answers 404 Not Found$"):
        _ = one(f"{server.url}/gone.jpg").live
    assert list(temporary.iterdir()) == []


def test_a_busy_server_is_asked_again(server, photo):
    content = photo("a.png").read_bytes()

    def answer(handler):
        if len(server.requests) < 3:
            handler.send_error(503)
        else:
            server.give("/a.png", content, "image/png")
            server.answers["/a.png"](handler)

    server.answers["/a.png"] = answer
    assert grays(one(f"{server.url}/a.png")) == [90]
    assert len(server.requests) == 3


def test_a_server_that_ends_too_early_is_named_and_leaves_nothing(server, temporary):
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"\xff\xd8\xff")

    server.answers["/a.jpg"] = answer
    with pytest.raises(ValueError, match=r"a\.jpg: it ends after 3 of 1000 bytes$"):
        next(one(f"{server.url}/a.jpg").frames())
    assert list(temporary.iterdir()) == []


def test_a_password_is_used_and_not_shown(server, photo):
    server.give("/a.png", photo("a.png").read_bytes(), "image/png")
    host = server.url.removeprefix("http://")
    found = one(f"http://me:secret@{host}/a.png")
    assert found.name == f"http://me:***@{host}/a.png"
    assert [frame.source for frame in found.frames()] == [found.name]
    with pytest.raises(ValueError, match="404") as raised:
        next(one(f"http://me:secret@{host}/gone.png").frames())
    assert "secret" not in str(raised.value)


def test_addresses_may_stand_in_a_list(server, tmp_path, photo):
    url = server.give("/a.png", photo("a.png").read_bytes(), "image/png")
    (tmp_path / "list.txt").write_text(f"{url}\na.png\n")
    assert [found.name for found in find_inputs(tmp_path / "list.txt")] == [
        url,
        f"{tmp_path}/a.png",
    ]


@pytest.mark.parametrize("url", ["ftp://host/a.jpg", "s3://bucket/a.jpg", "file:///a.jpg"])
def test_addresses_of_other_kinds_are_refused(found, url):
    assert found(url) == ([], [f"{url}: expected a path or an address of http, https or rtsp"])
