"""Requests that TensorFlow Serving sends itself before it says that a model is available."""

from pathlib import Path

import numpy as np
import tensorflow as tf

# Numbers of the fields of PredictionLog, PredictLog, PredictRequest and ModelSpec:
# https://github.com/tensorflow/serving/tree/master/tensorflow_serving/apis. Written by hand, so
# that an export needs no package `tensorflow-serving-api`; a test reads them with it.
_LOG_PREDICT, _PREDICT_REQUEST = 6, 1
_REQUEST_MODEL, _REQUEST_INPUTS = 1, 2
_MODEL_NAME, _MODEL_SIGNATURE = 1, 3
_MAP_KEY, _MAP_VALUE = 1, 2


def write_warmup_requests(path: str | Path, model_name: str, requests) -> None:
    """Writes one request each as TensorFlow Serving reads them: a TFRecord of PredictionLog.

    Args:
        path: `assets.extra/tf_serving_warmup_requests` in the SavedModel.
        model_name: of the model on the server.
        requests: triples of a signature's name, the name of its one input, and a NumPy array.
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
    """A field of a protocol buffer that holds bytes, text or a message: key, length, content."""
    key_and_length = bytes([number << 3 | 2])
    length = len(content)
    while length > 0x7F:  # seven bits a byte, the lowest first
        key_and_length += bytes([length & 0x7F | 0x80])
        length >>= 7
    return key_and_length + bytes([length]) + content
