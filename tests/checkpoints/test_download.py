import hashlib
import socket
import subprocess
import sys
import threading

import pytest

from keras_ssd import web
from keras_ssd.checkpoints.download import cache_folder, download

CONTENT = b"PK\x03\x04" + bytes(range(256)) * 9000  # of the server in conftest.py
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PAGE = b"<html>Please log in</html>"


def cached_files():
    folder = cache_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_is_downloaded_once_and_kept_in_keras_cache(server, tmp_path):
    path = download(f"{server.url}/whole.pth", SHA256)
    assert path == tmp_path / "models" / "keras_ssd" / "whole.pth"
    assert path.read_bytes() == CONTENT
    assert download(f"{server.url}/whole.pth", SHA256) == path
    assert server.requests == ["/whole.pth"]
    assert cached_files() == ["whole.pth"]


def test_the_first_digits_of_a_hash_and_no_hash_will_do(server):
    path = download(f"{server.url}/whole.pth", SHA256[:8])
    assert path.read_bytes() == CONTENT
    path.write_bytes(b"PK\x03\x04 another checkpoint")
    assert download(f"{server.url}/whole.pth").read_bytes() == b"PK\x03\x04 another checkpoint"


@pytest.mark.parametrize("name", ["unknown_length.pth", "chunked.pth", "moved.pth"])
def test_a_length_is_not_needed_and_redirects_are_followed(server, name):
    assert download(f"{server.url}/{name}").read_bytes() == CONTENT
    assert cached_files() == [name]


def test_the_path_of_the_address_names_the_file(server):
    assert download(f"{server.url}/a/whole.pth?download=a/b#c").name == "whole.pth"
    for path in ("", "/", "/a/", "/..", "/a/.."):
        with pytest.raises(ValueError, match="expected an address that ends in the name of a file"):
            download(f"{server.url}{path}")


def test_an_altered_file_and_a_page_in_the_cache_are_downloaded_anew(server):
    path = download(f"{server.url}/whole.pth", SHA256)
    path.write_bytes(CONTENT[:-1] + b"x")
    assert download(f"{server.url}/whole.pth", SHA256).read_bytes() == CONTENT
    path.write_bytes(PAGE)
    assert download(f"{server.url}/whole.pth").read_bytes() == CONTENT
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("name", "sha256", "reason", "requests"),
    [
        ("cut.pth", None, "it ends after 2303004 of 2304004 bytes", 3),
        ("cut.pth", SHA256, "it ends after 2303004 of 2304004 bytes", 3),
        ("cut_chunked.pth", None, "IncompleteRead", 3),
        ("whole.pth", "0" * 64, f"its SHA-256 is {SHA256}, expected 0000", 1),
        ("absent.pth", None, "Not Found", 1),
        ("always_busy.pth", None, "Too Many Requests", 3),
        ("login.pth", None, "it is a web page, perhaps a login page", 1),
        ("login.pth", SHA256, "it is a web page, perhaps a login page", 1),
        ("login.onnx", None, "it is a web page, perhaps a login page", 1),
        ("plain_login.onnx", None, "it is a web page, perhaps a login page", 1),
        ("login.tar.gz", None, "it is a web page, perhaps a login page", 1),
        ("hidden_login.pth", None, "it is a web page, perhaps a login page", 1),
        ("hidden_login.bin", None, "it is a web page, perhaps a login page", 1),
        ("text.pth", None, "it is not a .pth file: it begins with b'Access denied.'", 1),
        ("empty.h5", None, "it is not a .h5 file: it begins with b''", 1),
        ("unknown_length.gz", None, r"it is not a .gz file: it begins with b'PK\x03\x04\x00", 1),
    ],
)
def test_a_bad_download_says_what_to_do_by_hand_and_leaves_nothing(
    server, name, sha256, reason, requests
):
    with pytest.raises(ValueError, match="could not be downloaded") as raised:
        download(f"{server.url}/{name}", sha256)
    assert reason in str(raised.value)
    assert f"Fetch it by hand and put it at {cache_folder() / name}" in str(raised.value)
    assert cached_files() == []
    assert len(server.requests) == requests


@pytest.mark.parametrize("name", ["busy.pth", "broken.pth"])
def test_a_server_that_is_busy_or_hangs_up_is_asked_three_times(server, name):
    assert download(f"{server.url}/{name}").read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_the_pauses_between_attempts_are_short():
    assert sum(web._PAUSES) < 10


def test_a_file_that_the_check_refuses_is_not_kept(server):
    def check(path):
        assert path.suffix == ".pth"
        assert path.read_bytes() == CONTENT
        raise ValueError(f"{path}: lacks conv1")

    with pytest.raises(ValueError, match=r"whole.pth could not be downloaded: lacks conv1\. Fetch"):
        download(f"{server.url}/whole.pth", check=check)
    assert cached_files() == []
    calls = []
    for _ in range(2):
        assert download(f"{server.url}/whole.pth", check=calls.append).read_bytes() == CONTENT
    assert len(calls) == 1


def test_threads_that_ask_for_the_same_file_download_it_once(server):
    found, threads = [], []
    for _ in range(8):
        ask = threading.Thread(
            target=lambda: found.append(download(f"{server.url}/whole.pth").read_bytes())
        )
        threads.append(ask)
        ask.start()
    for thread in threads:
        thread.join(30)
    assert found == [CONTENT] * 8
    assert len(server.requests) == 1
    assert cached_files() == ["whole.pth"]


def test_processes_that_ask_for_the_same_file_all_get_it(server):
    code = "import sys; from keras_ssd.checkpoints.download import download as d; d(sys.argv[1])"
    command = [sys.executable, "-c", code, f"{server.url}/whole.pth"]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert cached_files() == ["whole.pth"]
    assert (cache_folder() / "whole.pth").read_bytes() == CONTENT


def test_an_unreachable_server_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(web, "_PAUSES", (0, 0))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/whole.pth"
        with pytest.raises(ValueError, match=r"whole.pth could not be downloaded: .*refused"):
            download(url)
    assert cached_files() == []


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ValueError, match="could not be downloaded"):
        download(f"{server.url}/whole.pth")
