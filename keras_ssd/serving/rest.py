"""TensorFlow Serving's REST interface, which needs only Python's standard library.

Source: https://www.tensorflow.org/tfx/serving/api_rest.
"""

import base64
import json
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from keras_ssd.serving.connection import Connection, UnavailableError, shortened
from keras_ssd.serving.http_pool import HttpPool


class RestConnection(Connection):
    """A connection to one model by HTTP and JSON.

    Args:
        url: the address, "http://HOST:PORT/v1/models/NAME" or https, optionally with
            "/versions/NUMBER".
        model: the name of the model in error messages.
        timeout, retries: as in `Connection`.
        headers: the headers of every request.
        ca_file: a PEM file with the certificates that are trusted, or None for the system's.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        timeout: float,
        retries: int,
        headers: Mapping[str, str],
        ca_file: str | None,
    ):
        super().__init__(url, model, timeout=timeout, retries=retries)
        parts = urlsplit(url)
        tls = ssl.create_default_context(cafile=ca_file) if parts.scheme == "https" else None
        self._pool = HttpPool(f"{parts.scheme}://{parts.netloc}", timeout=timeout, tls=tls)
        self._path = f"{parts.path}:predict"
        self._headers = {**headers, "Content-Type": "application/json"}

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()

    def _ask_once(self, signature: str, name: str, values: Sequence[bytes]) -> Mapping[str, Any]:
        instances = [{"b64": base64.b64encode(value).decode()} for value in values]
        body = json.dumps({"signature_name": signature, "instances": instances}).encode()
        try:
            status, headers, answer = self._pool.post(self._path, body, self._headers)
        except TimeoutError as error:
            raise self._too_late() from error
        except ssl.SSLCertVerificationError as error:
            raise self._not_trusted(error.verify_message) from error
        except (OSError, HTTPException) as error:  # refused, cut off, unknown host
            raise UnavailableError(error) from error
        except ValueError as error:
            raise ValueError(f"{self.address}: {error}") from error
        self._check_status(status, _reason(answer), _retry_after(headers.get("Retry-After", "")))
        try:
            return _outputs(answer, len(values))
        except (ValueError, RecursionError) as error:
            raise self._not_a_detector(error) from error


def _outputs(answer, count):
    """Returns the outputs by name, from a JSON text with one object for each of `count` values."""
    try:
        content = json.loads(answer)
    except ValueError as error:
        raise ValueError(f"not JSON: {shortened(answer.decode(errors='replace'))}") from error
    rows = content.get("predictions") if isinstance(content, dict) else None
    if not isinstance(rows, list):
        raise ValueError(f"no list of predictions in {shortened(str(content))}")
    if len(rows) != count:
        raise ValueError(f"{len(rows)} predictions where {count} were asked for")
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"expected predictions with names, not {shortened(str(rows))}")
    in_all = set.intersection(*(set(row) for row in rows))
    return {name: [row[name] for row in rows] for name in in_all}


def _reason(answer):
    """Returns the reason in an error answer: TensorFlow Serving's message, or the answer's text."""
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return answer.decode(errors="replace")


def _retry_after(value):
    """Returns the seconds to wait by a "Retry-After" of seconds or a date; 0 for other values."""
    value = value.strip()
    if value.isdecimal():
        return float(value[:9])
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
