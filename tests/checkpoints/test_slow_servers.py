"""Servers that are slow, endless or silent."""

import hashlib
import io
import sys
import time

import pytest

from keras_ssd import web
from keras_ssd.checkpoints.download import cache_folder, download

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 9000  # of the server in conftest.py
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def cached_files():
    folder = cache_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("sha256", [None, SHA256])
@pytest.mark.parametrize(
    "name",
    [
        "drip.pth",
        "drip_of_known_length.pth",
        "drip_of_chunks.pth",
        "drip_of_headers.pth",
        "drip_of_a_header.pth",
        "drip_of_a_redirect.pth",
    ],
)
def test_a_server_that_drips_bytes_does_not_hold_the_download(server, monkeypatch, name, sha256):
    monkeypatch.setattr(web, "_GRACE", 0.5)
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"could not be downloaded: it is too slow: \d+ bytes in"):
        download(f"{server.url}/{name}", sha256)
    assert 0.4 < time.monotonic() - start < 5
    assert cached_files() == []
    assert len(server.requests) == 1


def test_a_server_that_is_fast_enough_may_take_longer_than_the_grace(server, monkeypatch):
    monkeypatch.setattr(web, "_GRACE", 0)
    monkeypatch.setattr(web, "_SLOWEST", 1)
    assert download(f"{server.url}/whole.pth").read_bytes() == CONTENT


def test_a_server_that_falls_silent_is_left(server, monkeypatch):
    monkeypatch.setattr(web, "_STALLED", 0.3)
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"could not be downloaded: .*timed out"):
        download(f"{server.url}/silent.pth")
    assert time.monotonic() - start < 5
    assert len(server.requests) == 3


def test_a_file_without_end_is_refused(server, monkeypatch):
    monkeypatch.setattr(web, "_LARGEST", 20_000_000)
    with pytest.raises(ValueError, match="could not be downloaded: it has more than 20000000 byte"):
        download(f"{server.url}/endless.pth")
    assert cached_files() == []


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("name", ["whole.pth", "unknown_length.pth"])
def test_a_terminal_shows_progress(server, monkeypatch, capsys, name):
    monkeypatch.setattr(sys, "stderr", Terminal())
    download(f"{server.url}/{name}")
    assert name in sys.stderr.getvalue()
    assert "2.3/2.3 MB" in sys.stderr.getvalue() or "2.3/? MB" in sys.stderr.getvalue()
    assert capsys.readouterr().out == ""


def test_where_stderr_is_not_a_terminal_nothing_is_printed(server, monkeypatch, capsys):
    download(f"{server.url}/whole.pth")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys, "stderr", None)  # as without a console
    assert download(f"{server.url}/chunked.pth").read_bytes() == CONTENT
