"""Writes detectors as ONNX files, for ONNX Runtime, OpenCV and other programs."""

import logging
import tempfile
import warnings
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

from keras_ssd.default_boxes import default_boxes
from keras_ssd.extras import require
from keras_ssd.files import checked_output, replace_file
from keras_ssd.formats.backend import require_tensorflow
from keras_ssd.formats.graph_decoding import add_decoding
from keras_ssd.formats.onnx.operations import OnnxOperations
from keras_ssd.formats.raw_outputs import (
    KerasDetector,
    decoding_settings,
    labels_text,
    raw_outputs_model,
    thresholds_text,
)


def export_onnx(
    detector: KerasDetector,
    path: str | Path,
    *,
    nms: bool = True,
    verify: Callable[[Path], object] | None = None,
) -> Path:
    """Writes a detector as an `.onnx` file that computes in float32.

    The input "images" takes any number of uint8 RGB images (B, S, S, 3), already warped to the
    network's size. The outputs are those of the detector: "boxes" (B, D, 4), "labels" (B, D),
    "scores" (B, D) and "num_detections" (B,). The entry "labels" in the file's metadata lists the
    class names, one in each line; "thresholds" gives the thresholds as JSON.

    Args:
        detector: a `Detector`; its thresholds are exported as they are.
        path: the file to write, with the suffix ".onnx".
        nms: True to write a file that gives detections. False to write one that gives the raw
            outputs of `SSD`, "offsets" (B, N, 4) and "classes" (B, N, K + 1), which OpenCV can run
            and `load_detector` decodes by the entry "decoding" in the metadata.
        verify: a function that is called with the complete file before it replaces an earlier one.
            If it raises an error, the earlier file stays.

    Returns:
        The path.

    Raises:
        ValueError: the path has another suffix, or Keras's backend is not TensorFlow.
        ImportError: onnx or tf2onnx is not installed.
    """
    require_tensorflow()
    path = checked_output(path, ".onnx")
    onnx = require("onnx", extra="onnx")
    texts = {"labels": labels_text(detector)}
    model = _raw_network(detector)
    if nms:
        _decode(model.graph, detector)
        texts["thresholds"] = thresholds_text(detector)
    else:
        texts["decoding"] = decoding_settings(detector).to_json()
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.helper.set_model_props(model, texts)

    def write(unfinished):
        onnx.save(model, unfinished)
        if verify is not None:
            verify(unfinished)

    replace_file(path, write)
    return path


def _raw_network(detector):
    """Converts the SSD to an onnx.ModelProto from "images" to "offsets" and "classes"."""
    onnx = require("onnx", extra="onnx")
    require("tf2onnx", extra="onnx")  # Keras imports it
    model = raw_outputs_model(detector)
    with tempfile.TemporaryDirectory() as folder, _silent_tf2onnx():
        file = str(Path(folder) / "model.onnx")
        model.export(file, format="onnx", verbose=False, input_signature=model.inputs)
        return onnx.load(file)


@contextmanager
def _silent_tf2onnx():
    """Silences the log of tf2onnx, which contains tracebacks of errors that do not matter."""
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tf2onnx 1.17 uses deprecated names of NumPy
            yield
    finally:
        logger.setLevel(level)


def _decode(graph, detector):
    """Replaces the outputs "offsets" and "classes" of a graph by those of the detector."""
    from onnx import TensorProto

    settings, ops = decoding_settings(detector), OnnxOperations(graph)
    boxes, num_classes = default_boxes(detector.config), len(detector.class_names)
    found = add_decoding(ops, "offsets", "classes", boxes, num_classes, settings)
    del graph.output[:]
    limit = settings.max_detections
    ops.put_out("boxes", found["boxes"], TensorProto.FLOAT, [limit, 4])
    ops.put_out("labels", found["labels"], TensorProto.INT32, [limit])
    ops.put_out("scores", found["scores"], TensorProto.FLOAT, [limit])
    ops.put_out("num_detections", found["num_detections"], TensorProto.INT32, [])
