"""Sends requests to a model on a server, repeats them while it is busy, and checks the answers."""

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import numpy as np

from keras_ssd.formats.saved_model import outputs as model_outputs
from keras_ssd.formats.saved_model.outputs import DESCRIBE, PREDICT_BYTES, Description

MAX_WAIT = 60.0  # seconds between two tries, also if the server asks for more
_FIRST_WAIT, _LONGEST_REASON = 0.1, 300
_BUSY = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
_EXPECTED = "expected a SavedModel that keras-ssd exported"


class UnavailableError(Exception):
    """The server may answer the same request later.

    Attributes:
        retry_after: the seconds that the server asks to wait, or 0.
    """

    def __init__(self, reason: object, retry_after: float = 0.0):
        asks = f"; it asks to come back after {retry_after:.0f} seconds" if retry_after else ""
        super().__init__(f"{shortened(str(reason))}{asks}")
        self.retry_after = retry_after


class Connection:
    """One model on one server. A subclass defines `_ask_once` and `close`.

    Args:
        address: the address of the server in error messages.
        model: the name of the model in error messages.
        timeout: the seconds that one try of a request may take.
        retries: the number of tries after the first.
    """

    def __init__(self, address: str, model: str, *, timeout: float, retries: int):
        self.address, self.model = address, model
        self.timeout, self.retries = timeout, retries

    def describe(self) -> Description:
        """Asks the model for its description.

        Raises:
            ConnectionError, TimeoutError, ValueError: as in `Client.predict_on_batch`.
        """
        outputs = self._ask(*DESCRIBE, [b"?"])
        with self._as_of_a_detector():
            return model_outputs.description_output(outputs)

    def detect(
        self, images: Sequence[bytes], class_names: tuple[str, ...]
    ) -> dict[str, np.ndarray]:
        """Asks the model for the objects in encoded images.

        Args:
            images: the bytes of JPEG or PNG files, at least one.
            class_names: the class names that the model had before.

        Returns:
            The dictionary of `outputs.detections_output`.

        Raises:
            ConnectionError, TimeoutError, ValueError: as in `Client.predict_on_batch`.
        """

        outputs = self._ask(*PREDICT_BYTES, images)
        with self._as_of_a_detector():
            names_of_all = model_outputs.names_output(outputs, len(images))
        if any(names != class_names for names in names_of_all):
            raise ValueError(
                f"{self.address}: the model was replaced by one with other class names; make a new "
                "client, or one for a version of the model"
            )
        with self._as_of_a_detector():
            return model_outputs.detections_output(outputs, len(images), len(class_names))

    def close(self) -> None:
        """Closes the connections to the server."""
        raise NotImplementedError

    def _ask_once(self, signature: str, name: str, values: Sequence[bytes]) -> Mapping[str, Any]:
        """Returns a signature's outputs for its input `name`; UnavailableError means it is busy."""
        raise NotImplementedError

    def _ask(self, signature, name, values):
        for attempt in range(self.retries + 1):
            try:
                return self._ask_once(signature, name, values)
            except UnavailableError as error:
                reason = error
            if attempt == self.retries or reason.retry_after > MAX_WAIT:
                break
            time.sleep(max(_wait(attempt), reason.retry_after))
        tries = f"{attempt + 1} tries" if attempt else "1 try"
        raise ConnectionError(f"{self.address}: unavailable after {tries} ({reason})")

    @contextmanager
    def _as_of_a_detector(self):
        """Raises an error that names the server if its answer is not that of a detector."""
        try:
            yield
        except ValueError as error:
            raise self._not_a_detector(error) from error

    def _check_status(self, status: int, reason: str, retry_after: float = 0.0) -> None:
        """Raises the error that an HTTP status means, unless it is 200."""
        if status == HTTPStatus.OK:
            return
        reason = f"{status}: {shortened(reason)}"
        if status in _BUSY:
            raise UnavailableError(reason, retry_after)
        if status == HTTPStatus.UNAUTHORIZED:
            message = f"a token is missing in `headers`, or the server refuses it ({reason})"
        elif status == HTTPStatus.FORBIDDEN:
            message = f"the server forbids the request with this token, or without one ({reason})"
        elif status == HTTPStatus.NOT_FOUND:
            message = f"the server has no model {self.model} ({reason})"
        elif status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            message = f"the request is too large for the server; use a smaller batch ({reason})"
        else:
            message = f"the server refused the request ({reason}); {_EXPECTED}"
        raise ValueError(f"{self.address}: {message}")

    def _not_a_detector(self, reason: object) -> ValueError:
        reason = shortened(str(reason))
        return ValueError(f"{self.address}: not the answer of a detector ({reason}); {_EXPECTED}")

    def _not_trusted(self, reason: str) -> ConnectionError:
        return ConnectionError(
            f"{self.address}: the server's certificate is not trusted ({shortened(reason)}); "
            "ca_file= takes the certificate of the authority that signed it"
        )

    def _too_late(self) -> TimeoutError:
        return TimeoutError(f"{self.address}: no answer within {self.timeout} seconds")


def shortened(text: str) -> str:
    """Returns the text as one line, shortened for an error message."""
    text = " ".join(text[: 2 * _LONGEST_REASON].split())
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."


def _wait(attempt):
    """Returns the seconds before the next try: about twice as long each time, and random."""
    return min(_FIRST_WAIT * 2.0 ** min(attempt, 99), MAX_WAIT) * random.uniform(0.5, 1.0)
