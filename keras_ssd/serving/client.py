"""A detector on a TensorFlow Serving server, used like one that was loaded from a file."""

import re
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from keras_ssd.formats.saved_model.outputs import Description
from keras_ssd.images.opencv import cv2
from keras_ssd.inference.batches import BatchDetector
from keras_ssd.serving.connection import Connection

_GRPC = re.compile(r"(grpcs?)://([^\s/@?#]+:\d+)/([^\s/?#]+)(?:/versions/(\d+))?/?")
_REST = re.compile(r"(https?://[^\s/@?#]+[^\s@?#]*/v1/models/([^\s/:?#]+(?:/versions/\d+)?))/?")
_HEADER_NAME, _HEADER_VALUE = re.compile(r"[A-Za-z0-9_-]+"), re.compile(r"[\x20-\x7e]*")
_OWN_HEADERS = {"content-type", "content-length", "transfer-encoding", "connection"}


class Client(BatchDetector):
    """A detector that `keras_ssd.formats.export_saved_model` wrote, on TensorFlow Serving.

    It has the methods of every kind of detector: `detect`, `predict`, `predict_on_batch`. Images
    are sent to the server as PNG files. Several threads may share a client; requests at the same
    time use different connections. Connections stay open until `close`.

    REST needs neither TensorFlow nor Keras here. gRPC needs the extra "serving"; its package
    `tensorflow-serving-api` imports TensorFlow.

    Examples:
        with keras_ssd.serving.Client("http://localhost:8501/v1/models/ssd") as client:
            for found in client.detect(["dog.jpg"]):
                print(found.to_records())

    Args:
        server: the address of the model: "grpc://HOST:PORT/NAME" or
            "http://HOST:PORT/v1/models/NAME"; "grpcs" and "https" are encrypted. "/versions/3"
            after the name asks for version 3 of the model; without it the server chooses.
        timeout: the seconds that one try of a request may take.
        retries: the number of tries after the first one while the server is unavailable or busy
            (HTTP status 429, 502, 503 or 504; gRPC's UNAVAILABLE and RESOURCE_EXHAUSTED). The
            client waits about 0.1 seconds before the second try and twice as long before each one
            after that, or as long as the server asks for in "Retry-After", up to a minute.
        headers: the headers of every request, such as {"Authorization": "Bearer TOKEN"}. gRPC
            sends them as metadata.
        ca_file: a PEM file with the certificates of the authorities to trust, for "grpcs" and
            "https". None trusts the system's authorities for https, and gRPC's own for grpcs.

    Attributes:
        class_names: the K class names. The server is asked for them, and for the attributes below,
            when they are first used.
        image_size: the side, in pixels, of the square images that the network works on.
        confidence_threshold, iou_threshold, max_detections: the thresholds of the detector on the
            server, which are fixed there.

    Raises:
        ValueError: the address has another form, or an argument is out of range.
        ImportError: the package for gRPC is missing.
    """

    def __init__(
        self,
        server: str,
        *,
        timeout: float = 30.0,
        retries: int = 5,
        headers: Mapping[str, str] | None = None,
        ca_file: str | Path | None = None,
    ):
        if not 0 < timeout <= threading.TIMEOUT_MAX:
            raise ValueError(f"timeout: expected seconds above 0, not {timeout}")
        if retries < 0:
            raise ValueError(f"retries: expected 0 or more, not {retries}")
        self._lock = threading.Lock()
        self._description: Description | None = None
        self._connection = _connect(
            server,
            timeout=timeout,
            retries=retries,
            headers=_checked_headers(headers or {}),
            ca_file=_checked_ca_file(ca_file),
        )

    @property
    def class_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return self._describe().class_names

    @property
    def image_size(self) -> int:  # type: ignore[override]
        return self._describe().image_size

    def _describe(self):
        with self._lock:
            if self._description is None:
                self._description = self._connection.describe()
            return self._description

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Detects objects in one batch; see `ObjectDetector.predict_on_batch`.

        Raises:
            ValueError: the batch is empty, or not uint8 (B, H, W, 3); the server refuses the
                request, or its answer is not that of a detector.
            ConnectionError: the server is still unavailable after all tries, or is not trusted.
            TimeoutError: the server does not answer in time.
        """
        return super().predict_on_batch(images)

    def close(self) -> None:
        """Closes the connections to the server. The client cannot be used afterwards."""
        self._connection.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._description is None:  # a repr should not wait for a server
            return f"Client({self._connection.address!r})"
        return self._described(self._connection.address)

    def _thresholds(self):
        return self._describe()

    def _predict_on_batch(self, images):
        encoded = [_encode(image, position) for position, image in enumerate(images)]
        found = self._connection.detect(encoded, self.class_names)
        bad = np.flatnonzero(found["num_detections"] < 0)
        if bad.size:
            height, width = images.shape[1:3]
            raise ValueError(
                f"images[{bad[0]}]: the server cannot decode an image of {width} x {height} "
                "pixels; it takes up to 100 megapixels"
            )
        return found


def _connect(server: str, **options: Any) -> Connection:
    if match := _GRPC.fullmatch(server):
        from keras_ssd.serving.grpc_connection import GrpcConnection

        scheme, address, model, version = match.groups()
        version = None if version is None else int(version)
        return GrpcConnection(address, model, version, use_tls=scheme == "grpcs", **options)
    if (match := _REST.fullmatch(server)) and _has_port(match[1]):
        from keras_ssd.serving.rest import RestConnection

        return RestConnection(match[1], match[2], **options)
    shown = "an address with a user name" if "@" in server else repr(server)
    raise ValueError(
        f"server: {shown}: expected grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME"
    )


def _has_port(url):
    try:
        return urlsplit(url).port != 0  # None means the scheme's default
    except ValueError:
        return False


def _checked_headers(headers):
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"headers: expected names of letters, digits and dashes, not {name!r}")
        if name.lower() in _OWN_HEADERS or name.lower().endswith("-bin"):
            raise ValueError(f"headers: expected none that the protocol itself uses, not {name}")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):  # may be secret
            raise ValueError(f"headers: expected one line of ASCII text for {name}")
    return dict(headers)


def _checked_ca_file(ca_file):
    if ca_file is None:
        return None
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except OSError as error:  # ssl's errors are OSErrors too
        reason = error.strerror or error
        raise ValueError(
            f"ca_file: {ca_file} is not a PEM file of certificates ({reason})"
        ) from error
    return str(ca_file)


def _encode(image, position):
    """Encodes an image as PNG, with little compression, because that is quick."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    try:
        done, data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    except cv2.error as error:
        raise ValueError(f"images[{position}]: OpenCV cannot encode it ({error.err})") from error
    if not done:
        height, width = image.shape[:2]
        raise ValueError(f"images[{position}]: PNG cannot hold {width} x {height} pixels")
    return data.tobytes()
