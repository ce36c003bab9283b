"""A detector that `keras_ssd.formats.export_saved_model` wrote, on a TensorFlow Serving server."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from keras_ssd.files import as_many
from keras_ssd.images import CorruptImageError
from keras_ssd.images.opencv import cv2
from keras_ssd.inference.photos import checked_array
from keras_ssd.results.detections import Detections
from keras_ssd.serving.connections import GrpcConnection, RestConnection

_FORMS = (
    (GrpcConnection, re.compile(r"grpc://([^/]+:\d+)/([^/]+)(?:/versions/(\d+))?/?")),
    (RestConnection, re.compile(r"(https?://[^?#]+/v1/models/[^/]+(?:/versions/\d+)?)/?")),
)


class Client:
    """Detects objects in images by a server. Threads may share one.

    >>> client = keras_ssd.serving.Client("grpc://localhost:8500/ssd")
    >>> for found in client.detect(["dog.jpg"]): print(found.to_records())

    Args:
        server: "grpc://HOST:PORT/NAME" (needs the package's extra "serving") or
            "http://HOST:PORT/v1/models/NAME", https as well; "/versions/3" behind it asks for that
            version of the model. gRPC goes unencrypted.
        timeout: seconds that one try of a request may take.
        retries: tries after the first while the server is unavailable, as it is when it starts or
            has too much to do. They wait 0.1 seconds before, then twice as long each.

    Raises:
        ValueError: the server's address has another form, or a number is out of range.
        ImportError: the package for gRPC is missing.
    """

    def __init__(self, server: str, *, timeout: float = 30.0, retries: int = 5):
        if timeout <= 0:
            raise ValueError(f"timeout: expected seconds above 0, not {timeout}")
        if retries < 0:
            raise ValueError(f"retries: expected 0 or more, not {retries}")
        for connection, form in _FORMS:
            if match := form.fullmatch(server):
                self._connection = connection(*match.groups(), timeout=timeout, retries=retries)
                return
        raise ValueError(
            f"server: {server!r}: expected grpc://HOST:PORT/NAME or http://HOST:PORT/v1/models/NAME"
        )

    def detect(
        self,
        sources: Iterable[str | Path | np.ndarray] | str | Path | np.ndarray,
        *,
        confidence_threshold: float = 0.25,
        batch_size: int = 8,
        on_error: Callable[[ValueError], None] | None = None,
    ) -> Iterator[Detections]:
        """Yields what the server finds in each image, in the order of the sources.

        Files, JPEG or PNG, go to the server as they are; arrays go as PNG.

        Args:
            sources, confidence_threshold, on_error: see `keras_ssd.detect`.
            batch_size: images in one request, which the server must take.

        Yields:
            Detections, as `keras_ssd.detect` does.

        Raises:
            CorruptImageError: a file cannot be read here, or not decoded by the server.
            ValueError: a source is of another kind, an argument is out of range, or the server
                refuses the request.
            ConnectionError: the server is unavailable, after all tries.
            TimeoutError: it does not answer in time.
        """
        if not 0 <= confidence_threshold <= 1:
            raise ValueError(f"confidence_threshold: expected 0 to 1, not {confidence_threshold}")
        if batch_size < 1:
            raise ValueError(f"batch_size: expected 1 or more, not {batch_size}")
        results = self._detect_in_batches(as_many(sources), batch_size)
        return _raised_or_reported(results, confidence_threshold, on_error)

    def _detect_in_batches(self, sources, batch_size):
        """Detections or the ValueError of each source."""
        batch = []  # (name, encoded image)
        for position, source in enumerate(sources):
            try:
                batch.append(_encode(source, position))
                error = None
            except ValueError as problem:
                error = problem
            if error or len(batch) >= batch_size:
                yield from self._detect_batch(batch)
                batch = []
            if error:
                yield error
        yield from self._detect_batch(batch)

    def _detect_batch(self, batch):
        if not batch:
            return
        prediction = self._connection.predict([encoded for _, encoded in batch])
        class_names = prediction["class_names"][0]
        for index, (name, _) in enumerate(batch):
            if prediction["num_detections"][index] < 0:
                yield CorruptImageError(f"{name}: not a JPEG or PNG that the server can decode")
                continue
            size = tuple(map(int, prediction["image_sizes"][index]))
            yield Detections.from_prediction(prediction, index, name, size, class_names)


def _raised_or_reported(results, confidence_threshold, on_error):
    for result in results:
        if isinstance(result, Detections):
            yield result.above(confidence_threshold)
        elif on_error is None:
            raise result
        else:
            on_error(result)


def _encode(source, position):
    if isinstance(source, str | Path):
        try:
            return str(source), Path(source).read_bytes()
        except OSError as error:
            raise CorruptImageError(f"{source}: {error.strerror or error}") from error
    image = checked_array(source, position)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return str(position), cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
