"""TensorFlow Serving's two interfaces: images in, the outputs of "predict_bytes" as arrays out.

Source: https://www.tensorflow.org/tfx/serving/api_rest, and `prediction_service.proto` in
https://github.com/tensorflow/serving.
"""

import base64
import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException

import numpy as np

from keras_ssd.extras import require

_SIGNATURE, _INPUT = "predict_bytes", "image_bytes"
_FIRST_WAIT = 0.1


class _Unavailable(Exception):
    """The server may take the same request later."""


class _Connection:
    def __init__(self, address, timeout, retries):
        self.address, self.timeout, self.retries = address, timeout, retries

    def predict(self, images: list[bytes]) -> dict[str, np.ndarray]:
        """What the server finds in encoded images; see `export_saved_model`.

        Raises:
            ConnectionError, TimeoutError, ValueError: see `Client.detect`.
        """
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(_FIRST_WAIT * 2 ** (attempt - 1))
            try:
                return self._predict_once(images)
            except _Unavailable as error:
                reason = error
        tries = f"{self.retries + 1} tries" if self.retries else "1 try"
        raise ConnectionError(f"{self.address}: unavailable after {tries} ({reason})")

    def _refusal(self, reason):
        return ValueError(
            f"{self.address}: the server refused the request ({reason}); "
            "expected a SavedModel that keras-ssd exported there"
        )

    def _too_late(self):
        return TimeoutError(f"{self.address}: no answer within {self.timeout} seconds")


class GrpcConnection(_Connection):
    """To HOST:PORT by gRPC."""

    def __init__(self, server, model, version, *, timeout, retries):
        super().__init__(f"grpc://{server}/{model}", timeout, retries)
        grpc = require("grpc", extra="serving")
        service = require("tensorflow_serving.apis.prediction_service_pb2_grpc", extra="serving")
        self.model, self.version = model, version
        # Detections of a large batch exceed gRPC's own limit of 4 MB.
        channel = grpc.insecure_channel(server, [("grpc.max_receive_message_length", -1)])
        self._stub = service.PredictionServiceStub(channel)

    def _predict_once(self, images):
        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis.predict_pb2 import PredictRequest

        request = PredictRequest()
        request.model_spec.name = self.model
        request.model_spec.signature_name = _SIGNATURE
        if self.version:
            request.model_spec.version.value = int(self.version)
        request.inputs[_INPUT].CopyFrom(tf.make_tensor_proto(images, tf.string))
        try:
            outputs = self._stub.Predict(request, timeout=self.timeout).outputs
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                raise _Unavailable(error.details()) from error
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                raise self._too_late() from error
            raise self._refusal(f"{error.code().name}: {error.details()}") from error
        arrays = {name: tf.make_ndarray(tensor) for name, tensor in outputs.items()}
        names = [[name.decode() for name in row] for row in arrays["class_names"]]
        return {**arrays, "class_names": names}


class RestConnection(_Connection):
    """To http://HOST:PORT/v1/models/NAME by HTTP and JSON."""

    def __init__(self, url, *, timeout, retries):
        super().__init__(url, timeout, retries)

    def _predict_once(self, images):
        instances = [{"b64": base64.b64encode(image).decode()} for image in images]
        body = json.dumps({"signature_name": _SIGNATURE, "instances": instances}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}:predict", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:
                predictions = json.load(response)["predictions"]
        except urllib.error.HTTPError as error:
            with error:
                reason = f"{error.code}: {error.read().decode(errors='replace')}"
            if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
                raise _Unavailable(reason) from error
            if error.code == HTTPStatus.GATEWAY_TIMEOUT:
                raise self._too_late() from error
            raise self._refusal(reason) from error
        except TimeoutError as error:
            raise self._too_late() from error
        except (OSError, HTTPException) as error:  # refused, reset, cut off, name not found
            if isinstance(getattr(error, "reason", None), TimeoutError):
                raise self._too_late() from error
            raise _Unavailable(error) from error
        except ValueError as error:
            raise self._refusal(f"the answer is no JSON: {error}") from error
        return {name: [row[name] for row in predictions] for name in predictions[0]}
