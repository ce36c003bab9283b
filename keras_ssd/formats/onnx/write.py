"""Detectors as ONNX files, for ONNX Runtime and what else reads the format."""

import tempfile
import warnings
from pathlib import Path

from keras_ssd.default_boxes import default_boxes
from keras_ssd.extras import require
from keras_ssd.files import checked_output, replace_file
from keras_ssd.formats.backend import require_tensorflow
from keras_ssd.formats.raw_outputs import labels_text, raw_outputs_model


def export_onnx(detector, path: str | Path) -> Path:
    """Writes a detector, complete, as an `.onnx` file that computes in float32.

    The input "images" takes any number of uint8 RGB images (B, S, S, 3), already warped to the
    network's size; the outputs are the detector's: "boxes" (B, D, 4), "labels" (B, D), "scores"
    (B, D) and "num_detections" (B,). The file's metadata hold the names, "labels", one a line.

    Args:
        detector: a `Detector`; its thresholds are exported as they are.
        path: ends in ".onnx".

    Returns:
        The path.

    Raises:
        ValueError: the path ends otherwise, or Keras's backend is not TensorFlow's.
        ImportError: onnx or tf2onnx is not installed.
    """
    require_tensorflow()
    path = checked_output(path, ".onnx")
    onnx = require("onnx", extra="onnx")
    require("tf2onnx", extra="onnx")  # Keras uses it

    from keras_ssd.formats.onnx.decoding import add_decoding

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx 1.17 uses old names of NumPy's
        file = str(Path(folder) / "model.onnx")
        model = raw_outputs_model(detector)
        model.export(file, format="onnx", verbose=False, input_signature=model.inputs)
        model = onnx.load(file)
    add_decoding(model, detector, default_boxes(detector.config))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    onnx.helper.set_model_props(model, {"labels": labels_text(detector)})
    replace_file(path, lambda unfinished: onnx.save(model, unfinished))
    return path
