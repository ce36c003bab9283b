"""Requests that TensorFlow Serving runs before it makes a model available."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

# The field numbers of PredictionLog, PredictLog, PredictRequest and ModelSpec:
# https://github.com/tensorflow/serving/tree/master/tensorflow_serving/apis. Messages are encoded by
# hand, so that an export does not need the package `tensorflow-serving-api`; a test reads them with
# that package.
_LOG_PREDICT, _PREDICT_REQUEST = 6, 1
_REQUEST_MODEL, _REQUEST_INPUTS = 1, 2
_MODEL_NAME, _MODEL_SIGNATURE = 1, 3
_MAP_KEY, _MAP_VALUE = 1, 2


def write_warmup_requests(
    path: str | Path, model_name: str, requests: Iterable[tuple[str, str, np.ndarray]]
) -> None:
    """Writes requests in TensorFlow Serving's format, a TFRecord file of PredictionLog messages.

    Args:
        path: the path of `assets.extra/tf_serving_warmup_requests` in the SavedModel.
        model_name: the name of the model on the server.
        requests: for each request, the name of a signature, the name of its input, and the input.
    """
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, name, values in requests:
            writer.write(_prediction_log(model_name, signature, name, values))


def _prediction_log(model_name: str, signature: str, name: str, values: np.ndarray) -> bytes:
    model = _field(_MODEL_NAME, model_name.encode()) + _field(_MODEL_SIGNATURE, signature.encode())
    tensor = tf.make_tensor_proto(values).SerializeToString()
    inputs = _field(_MAP_KEY, name.encode()) + _field(_MAP_VALUE, tensor)
    request = _field(_REQUEST_MODEL, model) + _field(_REQUEST_INPUTS, inputs)
    return _field(_LOG_PREDICT, _field(_PREDICT_REQUEST, request))


def _field(number: int, content: bytes) -> bytes:
    """Encodes a protocol buffer's field of bytes, text or a message: key, length, content."""
    key_and_length = bytes([number << 3 | 2])
    length = len(content)
    while length > 0x7F:  # seven bits in each byte, the lowest first
        key_and_length += bytes([length & 0x7F | 0x80])
        length >>= 7
    return key_and_length + bytes([length]) + content
