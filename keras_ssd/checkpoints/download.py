"""Downloads files and keeps them in Keras's cache folder.

`keras.utils.get_file` and pooch do less: they wait forever for a server that sends a byte now and
then, and without a digest they keep a login page as the file.
"""

import hashlib
import http.client
import os
import threading
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from keras_ssd.files import replace_file
from keras_ssd.web import check_not_a_page, patiently, receive

# The first bytes of files, by their suffix. A web page begins with other bytes.
_BEGINNINGS = {
    ".pth": (b"PK\x03\x04", b"\x80"),
    ".pt": (b"PK\x03\x04", b"\x80"),
    ".keras": (b"PK\x03\x04",),
    ".npz": (b"PK\x03\x04",),
    ".h5": (b"\x89HDF",),
    ".gz": (b"\x1f\x8b",),
    ".tgz": (b"\x1f\x8b",),
}
_one_at_a_time = threading.Lock()


def cache_folder() -> Path:
    """Returns the folder of downloads: `models/keras_ssd` in $KERAS_HOME, by default `~/.keras`."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models" / "keras_ssd"


def download(
    url: str, sha256: str | None = None, *, check: Callable[[Path], object] | None = None
) -> Path:
    """Downloads a file from the web if it is not in the cache, and returns its path.

    The file appears in the cache when it is complete and checked, or not at all; threads and
    processes may ask for the same file at once. An attempt may take 60 seconds plus one second for
    every 20,000 bytes, and a file may have up to 2 GiB. If the reason of a failure may pass, such
    as a busy server, there are three attempts.

    Args:
        url: the address; the last part of its path names the file.
        sha256: the file's SHA-256 in hex, or its first digits; None if it is not known. Without it,
            a web page in place of a checkpoint is still noticed by its first bytes.
        check: a function that is called once with the path of the file, before the file is kept,
            and raises ValueError if it is not the expected file.

    Raises:
        ValueError: the file cannot be downloaded, or is not the expected file; the message says
            what to do by hand.
    """
    path = cache_folder() / _file_name(url)
    with _one_at_a_time:
        if _is_kept(path, sha256):
            return path
        try:
            replace_file(path, lambda unfinished: _fetch(url, sha256, check, unfinished))
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise ValueError(
                f"{url} could not be downloaded: {reason}. Fetch it by hand and put it at {path}, "
                "or give its path in place of its name"
            ) from error
    return path


def sha256_of(path: str | Path) -> str:
    """Returns the SHA-256 of a file, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _file_name(url: str) -> str:
    name = urllib.parse.urlsplit(url).path.rpartition("/")[2]
    if not name.strip("."):
        raise ValueError(f"{url}: expected an address that ends in the name of a file")
    return name


def _is_kept(path: Path, sha256: str | None) -> bool:
    if not path.is_file():
        return False
    try:
        _check_beginning(path, path.suffix)
    except ValueError:
        return False
    return sha256 is None or sha256_of(path).startswith(sha256)


def _fetch(url: str, sha256: str | None, check: Callable | None, path: Path) -> None:
    content_type = patiently(lambda: receive(url, path))
    _check_beginning(path, Path(_file_name(url)).suffix, content_type)
    if sha256 is not None and not (digest := sha256_of(path)).startswith(sha256):
        raise ValueError(f"its SHA-256 is {digest}, expected {sha256}")
    if check is not None:
        try:
            check(path)
        except ValueError as error:
            raise ValueError(str(error).removeprefix(f"{path}: ")) from error


def _check_beginning(path: Path, suffix: str, content_type: str = "") -> None:
    """Raises ValueError if the file is a web page, or does not begin as its suffix requires."""
    with path.open("rb") as file:
        beginning = file.read(512)
    expected = _BEGINNINGS.get(suffix.lower())
    if expected and beginning.startswith(expected):
        return  # the content type does not matter then
    check_not_a_page(beginning, content_type)
    if expected:
        raise ValueError(f"it is not a {suffix} file: it begins with {beginning[:20]!r}")
