"""TensorFlow Serving's gRPC interface.

It needs `tensorflow-serving-api`, which imports TensorFlow; the REST interface does not.
Source: `prediction_service.proto` in https://github.com/tensorflow/serving.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from keras_ssd.extras import require
from keras_ssd.serving.connection import Connection

# The HTTP status with the same meaning as a gRPC code:
# https://github.com/grpc/grpc/blob/master/doc/statuscodes.md.
_STATUS = {
    "UNAUTHENTICATED": HTTPStatus.UNAUTHORIZED,
    "PERMISSION_DENIED": HTTPStatus.FORBIDDEN,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "RESOURCE_EXHAUSTED": HTTPStatus.TOO_MANY_REQUESTS,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
}


class GrpcConnection(Connection):
    """A connection to one model by gRPC.

    Args:
        server: the address of the server, "HOST:PORT".
        model: the name of the model.
        version: the version of the model, or None to let the server choose.
        use_tls: whether the connection is encrypted.
        timeout, retries: as in `Connection`.
        headers: the metadata of every request.
        ca_file: a PEM file with the certificates that are trusted, or None for gRPC's own.

    Raises:
        ImportError: `tensorflow-serving-api` is missing.
    """

    def __init__(
        self,
        server: str,
        model: str,
        version: int | None,
        *,
        use_tls: bool,
        timeout: float,
        retries: int,
        headers: Mapping[str, str],
        ca_file: str | None,
    ):
        scheme = "grpcs" if use_tls else "grpc"
        versions = "" if version is None else f"/versions/{version}"
        super().__init__(
            f"{scheme}://{server}/{model}{versions}",
            f"{model}{versions}",
            timeout=timeout,
            retries=retries,
        )
        grpc = require("grpc", extra="serving")
        service = require("tensorflow_serving.apis.prediction_service_pb2_grpc", extra="serving")
        self._name, self._version = model, version
        # The names of metadata must be in lower case.
        self._metadata = [(name.lower(), value) for name, value in headers.items()]
        options = [
            ("grpc.max_receive_message_length", -1),  # detections of a large batch exceed 4 MB
            ("grpc.initial_reconnect_backoff_ms", 100),  # so that a retry can succeed
        ]
        if use_tls:
            trusted = None if ca_file is None else Path(ca_file).read_bytes()
            credentials = grpc.ssl_channel_credentials(trusted)
            self._channel = grpc.secure_channel(server, credentials, options)
        else:
            self._channel = grpc.insecure_channel(server, options)
        self._stub = service.PredictionServiceStub(self._channel)

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def _ask_once(self, signature: str, name: str, values: Sequence[bytes]) -> Mapping[str, Any]:
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis.predict_pb2 import PredictRequest

        request = PredictRequest()
        request.model_spec.name = self._name
        request.model_spec.signature_name = signature
        if self._version is not None:
            request.model_spec.version.value = self._version
        request.inputs[name].CopyFrom(tf.make_tensor_proto(list(values), tf.string))
        try:
            answer = self._stub.Predict(request, timeout=self.timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            self._raise_as(error.code().name, error.details() or "")
            raise
        except ValueError as error:  # the channel is closed
            raise ValueError(f"{self.address}: {error}") from error
        try:
            return {name: tf.make_ndarray(tensor) for name, tensor in answer.outputs.items()}
        except (ValueError, TypeError) as error:
            raise self._not_a_detector(error) from error

    def _raise_as(self, code, details):
        if code == "DEADLINE_EXCEEDED":
            raise self._too_late()
        if "CERTIFICATE_VERIFY_FAILED" in details:
            raise self._not_trusted(details)
        status = _STATUS.get(code, HTTPStatus.BAD_REQUEST)
        if code == "RESOURCE_EXHAUSTED" and "larger than max" in details:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        self._check_status(status, f"{code}: {details}")
