"""A detector in an ONNX file, as `export_onnx` writes it."""

from pathlib import Path

import numpy as np

from keras_ssd.extras import require
from keras_ssd.images import resize_image
from keras_ssd.inference.exported import ExportedDetector, read_labels


class OnnxDetector(ExportedDetector):
    """Runs an `.onnx` file on ONNX Runtime, on the CPU.

    Args:
        path: of the file.
        num_threads: of the runtime; None: as it likes.

    Raises:
        ValueError: there is no such file, or `export_onnx` did not write it.
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, path: str | Path, *, num_threads: int | None = None):
        onnxruntime = require("onnxruntime", extra="onnx")
        if not Path(path).is_file():
            raise ValueError(f"{path}: no such file; expected a detector exported as .onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads or 0
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.class_names = read_labels(metadata["labels"])
            self.image_size = self._session.get_inputs()[0].shape[1]
        except Exception as error:  # a damaged file makes the runtime raise almost anything
            raise ValueError(
                f"{path}: not a detector exported as .onnx by keras-ssd ({error})"
            ) from error

    def _predict_on_batch(self, images):
        warped = np.stack([resize_image(image, self.image_size) for image in images])
        names = [output.name for output in self._session.get_outputs()]
        return dict(zip(names, self._session.run(names, {"images": warped}), strict=True))
