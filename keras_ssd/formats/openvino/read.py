"""A detector in OpenVINO's files, as `export_openvino` writes them."""

from pathlib import Path

import numpy as np

from keras_ssd.extras import require
from keras_ssd.images import resize_image
from keras_ssd.inference.exported import ExportedDetector, last_line, read_labels

_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVINODetector(ExportedDetector):
    """Runs an `.xml` file, with the `.bin` file beside it, on the CPU.

    Args:
        path: of the `.xml` file.
        precision: "float32" or "bfloat16", which is faster on processors that compute in it; what
            int8 computes stays int8, and boxes and scores are float32.
        num_threads: of the runtime; None: as it likes.

    Raises:
        ValueError: there is no such file, `export_openvino` did not write it, or the precision is
            none of these.
        ImportError: openvino is not installed.
    """

    def __init__(
        self, path: str | Path, *, precision: str = "float32", num_threads: int | None = None
    ):
        openvino = require("openvino", extra="openvino")
        if precision not in _PRECISIONS:
            raise ValueError(f"precision: expected {' or '.join(_PRECISIONS)}, not {precision!r}")
        if not Path(path).is_file():
            raise ValueError(f"{path}: no such file; expected a detector exported as .xml")
        # Set either way: left alone, the runtime takes bfloat16 wherever the processor can.
        settings = {"INFERENCE_PRECISION_HINT": _PRECISIONS[precision]}
        if num_threads is not None:
            settings["INFERENCE_NUM_THREADS"] = num_threads
        try:
            weights = Path(path).with_suffix(".bin")
            if not weights.is_file():
                raise ValueError(f"there is no {weights.name} beside it, which holds its weights")
            model = openvino.Core().read_model(path)
            self.class_names = read_labels(model.get_rt_info(["keras_ssd", "labels"]).value)
            self.image_size = model.input("images").partial_shape[1].get_length()
            self._model = openvino.compile_model(model, "CPU", settings)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path}: not a detector exported as .xml by keras-ssd ({last_line(error)})"
            ) from error

    def _predict_on_batch(self, images):
        warped = np.stack([resize_image(image, self.image_size) for image in images])
        return {output.any_name: value for output, value in self._model(warped).items()}
