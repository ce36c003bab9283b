"""Files from the web, kept in Keras's cache folder."""

import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path

from keras.utils import Progbar

from keras_ssd.files import replace_file

_CHUNK = 1 << 20
_TIMEOUT = 30  # seconds without a byte


def cache_folder() -> Path:
    """Where downloads are kept: `models/keras_ssd` under $KERAS_HOME, which is `~/.keras`."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    return Path(home) / "models" / "keras_ssd"


def download(url: str, sha256: str | None = None) -> Path:
    """A file of the web, from the cache if it is there, with a progress bar on stderr if not.

    A download that breaks off leaves nothing behind; the next one starts anew.

    Args:
        url: whose last part names the file.
        sha256: of the file, in hex, or as many of its first digits as are known. None: unknown; the
            length that the server tells is all that is checked.

    Raises:
        ValueError: the file cannot be had or is not the expected one; the message says what to do
            by hand.
    """
    path = cache_folder() / url.rpartition("/")[2]
    if path.is_file() and (sha256 is None or sha256_of(path).startswith(sha256)):
        return path
    try:
        replace_file(path, lambda unfinished: _fetch(url, sha256, unfinished))
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()  # it holds the connection
        reason = getattr(error, "reason", None) or error
        raise ValueError(
            f"{url} could not be downloaded: {reason}. Fetch it by hand and put it at {path}, or "
            "give its path as the weights"
        ) from error
    return path


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file, in hex."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(url, sha256, path):
    digest = hashlib.sha256()
    request = urllib.request.Request(url, headers={"User-Agent": "keras-ssd"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response, path.open("wb") as file:
        length = response.headers.get("Content-Length")
        print(f"Downloading {url}", file=sys.stderr)
        progress = Progbar(length and int(length), unit_name="byte")
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            progress.add(len(chunk))
    size = path.stat().st_size
    if length is not None and size != int(length):
        raise ValueError(f"it ends after {size} of {length} bytes")
    if sha256 is not None and not digest.hexdigest().startswith(sha256):
        raise ValueError(f"its SHA-256 is {digest.hexdigest()}, expected {sha256}")
