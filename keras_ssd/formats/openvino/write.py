"""Detectors as OpenVINO files, the fastest on many of Intel's and AMD's processors."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from keras_ssd.default_boxes import default_boxes
from keras_ssd.extras import require
from keras_ssd.files import checked_output, replace_file
from keras_ssd.formats.backend import require_tensorflow
from keras_ssd.formats.raw_outputs import (
    labels_text,
    raw_outputs_model,
    warped_calibration_images,
)


def export_openvino(
    detector,
    path: str | Path,
    *,
    quantize: str | None = None,
    calibration_images: Iterable[np.ndarray] | None = None,
) -> Path:
    """Writes a detector, complete, as an `.xml` file, and its weights as the `.bin` beside it.

    The input "images" takes any number of uint8 RGB images (B, S, S, 3), already warped to the
    network's size; the outputs are the detector's: "boxes" (B, D, 4), "labels" (B, D), "scores"
    (B, D) and "num_detections" (B,). The file's `rt_info` holds, under "keras_ssd", the names,
    "labels", one a line.

    Args:
        detector: a `Detector`; its thresholds are exported as they are.
        path: ends in ".xml".
        quantize: None: float32. "int8": convolutions computed in int8, their weights and
            activations; what the heads put out, and its decoding, stays float32.
        calibration_images: RGB uint8 (H, W, 3), about 100 of the kind that the detector is for;
            "int8" takes the ranges of the activations from them, and needs them.

    Returns:
        The path.

    Raises:
        ValueError: an argument is wrong, or Keras's backend is not TensorFlow's.
        ImportError: openvino, or for "int8" nncf, is not installed.
    """
    require_tensorflow()
    path = checked_output(path, ".xml")
    if quantize not in (None, "int8"):
        raise ValueError(f"quantize: expected None or int8, not {quantize!r}")
    openvino = require("openvino", extra="openvino")

    from keras_ssd.formats.openvino.decoding import add_decoding

    warped = []
    if quantize == "int8":
        nncf = require("nncf", extra="openvino")
        warped = [image[None] for image in warped_calibration_images(detector, calibration_images)]

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.xml"
        raw_outputs_model(detector).export(str(file), format="openvino", verbose=False)
        model = openvino.Core().read_model(file)
        if quantize == "int8":
            model = nncf.quantize(model, nncf.Dataset(warped), subset_size=len(warped))
        add_decoding(model, detector, default_boxes(detector.config))
        model.set_rt_info(labels_text(detector), ["keras_ssd", "labels"])
        complete = Path(folder) / "complete.xml"
        # Weights stored as float16 would run no faster, and moved some logits by 2.
        openvino.save_model(model, complete, compress_to_fp16=False)
        for suffix in (".bin", ".xml"):  # the one last that is opened by name
            content = complete.with_suffix(suffix).read_bytes()
            replace_file(
                path.with_suffix(suffix), lambda new, content=content: new.write_bytes(content)
            )
    return path
