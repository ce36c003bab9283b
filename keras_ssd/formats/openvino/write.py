"""Writes detectors as OpenVINO files, which are the fastest on many Intel and AMD processors."""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path

import numpy as np

from keras_ssd.default_boxes import default_boxes
from keras_ssd.extras import require
from keras_ssd.files import checked_output, replace_file
from keras_ssd.formats.backend import require_tensorflow
from keras_ssd.formats.graph_decoding import add_decoding
from keras_ssd.formats.openvino.operations import OpenVINOOperations
from keras_ssd.formats.raw_outputs import (
    KerasDetector,
    decoding_settings,
    labels_text,
    raw_outputs_model,
    thresholds_text,
    warped_images,
)


def export_openvino(
    detector: KerasDetector,
    path: str | Path,
    *,
    quantize: str | None = None,
    calibration_images: Sequence[np.ndarray] = (),
    verify: Callable[[Path], object] | None = None,
) -> Path:
    """Writes a detector as an `.xml` file, and its weights as the `.bin` file beside it.

    The input "images" takes any number of uint8 RGB images (B, S, S, 3), already warped to the
    network's size. The outputs are those of the detector: "boxes" (B, D, 4), "labels" (B, D),
    "scores" (B, D) and "num_detections" (B,). The entry "labels" under "keras_ssd" in the file's
    `rt_info` lists the class names, one in each line.

    Args:
        detector: a `Detector`; its thresholds are exported as they are.
        path: the file to write, with the suffix ".xml".
        quantize: None to compute in float32, or "int8" to compute the convolutions in int8, with
            int8 weights and activations; the heads' outputs and the decoding stay float32.
        calibration_images: images, RGB uint8 (H, W, 3), that "int8" measures the ranges of the
            activations on.
        verify: a function that is called with the complete `.xml` file before it replaces an
            earlier one. If it raises an error, the earlier files stay.

    Returns:
        The path.

    Raises:
        ValueError: an argument is wrong, or Keras's backend is not TensorFlow.
        ImportError: openvino, or for "int8" nncf, is not installed.
    """
    require_tensorflow()
    path = checked_output(path, ".xml")
    openvino = require("openvino", extra="openvino")
    with tempfile.TemporaryDirectory() as folder:
        model = _raw_network(detector, folder)
        if quantize == "int8":
            nncf = require("nncf", extra="openvino")
            warped = [image[None] for image in warped_images(detector, calibration_images)]
            with _stdout_on_stderr():
                model = nncf.quantize(model, nncf.Dataset(warped), subset_size=len(warped))
        _decode(model, detector)
        model.set_rt_info(labels_text(detector), ["keras_ssd", "labels"])
        model.set_rt_info(thresholds_text(detector), ["keras_ssd", "thresholds"])
        complete = Path(folder) / "complete.xml"
        # Weights stored as float16 would run no faster, and moved some logits by 2.
        openvino.save_model(model, complete, compress_to_fp16=False)
        if verify is not None:
            verify(complete)
        for suffix in (".bin", ".xml"):  # the file that is opened by name comes last
            source = complete.with_suffix(suffix)
            replace_file(path.with_suffix(suffix), partial(shutil.copy, source))
    return path


def _raw_network(detector, folder):
    """Converts the SSD to an openvino.Model from "images" to "offsets" and "classes"."""
    openvino = require("openvino", extra="openvino")
    saved_model = Path(folder) / "saved_model"
    # Keras's own format="openvino" is not used: with TF_USE_LEGACY_KERAS set, its converter looks
    # for the package tf_keras, which a detector does not need.
    raw_outputs_model(detector).export(str(saved_model), format="tf_saved_model", verbose=False)
    return openvino.convert_model(saved_model)


@contextmanager
def _stdout_on_stderr():
    """Shows what is printed on stderr if that is a terminal; NNCF prints progress bars."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    with redirect_stdout(sys.stderr if is_terminal else io.StringIO()):
        yield


def _decode(model, detector):
    """Replaces the outputs "offsets" and "classes" of a model by those of the detector."""
    ops = OpenVINOOperations()
    results = [model.output(name).get_node() for name in ("offsets", "classes")]
    offsets, logits = (result.input_value(0) for result in results)
    boxes, num_classes = default_boxes(detector.config), len(detector.class_names)
    settings = decoding_settings(detector)
    found = add_decoding(ops, offsets, logits, boxes, num_classes, settings)
    for result in results:
        model.remove_result(result)
    for name, value in found.items():
        model.add_results([ops.result(name, value)])
