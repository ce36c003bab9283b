import hashlib
import http.server
import socket
import threading

import pytest

from keras_ssd.checkpoints.download import cache_folder, download

CONTENT = bytes(range(256)) * 9000  # more than two chunks
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT: whole as /whole.pth, cut off as /cut.pth, nothing else."""

    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path not in ("/whole.pth", "/cut.pth"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/whole.pth" else CONTENT[:-1000])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        server.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def cached_files():
    folder = cache_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_file_is_downloaded_once_and_kept_in_keras_cache(server, tmp_path, capsys):
    path = download(f"{server.url}/whole.pth", SHA256)
    assert path == tmp_path / "models" / "keras_ssd" / "whole.pth"
    assert path.read_bytes() == CONTENT
    assert download(f"{server.url}/whole.pth", SHA256) == path
    assert server.requests == ["/whole.pth"]
    assert cached_files() == ["whole.pth"]
    assert f"Downloading {server.url}/whole.pth" in capsys.readouterr().err


def test_the_first_digits_of_a_hash_and_no_hash_will_do(server):
    assert download(f"{server.url}/whole.pth", SHA256[:8]).read_bytes() == CONTENT
    download(f"{server.url}/whole.pth").write_bytes(b"other")
    assert download(f"{server.url}/whole.pth").read_bytes() == b"other"


def test_an_altered_file_in_the_cache_is_downloaded_anew(server):
    path = download(f"{server.url}/whole.pth", SHA256)
    path.write_bytes(CONTENT[:-1] + b"x")
    assert download(f"{server.url}/whole.pth", SHA256).read_bytes() == CONTENT
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("name", "sha256", "reason"),
    [
        ("cut.pth", None, "it ends after 2303000 of 2304000 bytes"),
        ("cut.pth", SHA256, "it ends after 2303000 of 2304000 bytes"),
        ("whole.pth", "0" * 64, f"its SHA-256 is {SHA256}, expected 0000"),
        ("absent.pth", None, "Not Found"),
    ],
)
def test_a_bad_download_says_what_to_do_by_hand_and_leaves_nothing(server, name, sha256, reason):
    with pytest.raises(ValueError, match="could not be downloaded") as raised:
        download(f"{server.url}/{name}", sha256)
    assert reason in str(raised.value)
    assert f"Fetch it by hand and put it at {cache_folder() / name}" in str(raised.value)
    assert cached_files() == []


def test_an_unreachable_server_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
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
