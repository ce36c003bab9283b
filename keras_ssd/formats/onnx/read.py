"""Opens and runs detectors in ONNX files."""

import numpy as np

from keras_ssd.extras import require
from keras_ssd.inference.decoding import Decoder, DecodingSettings
from keras_ssd.inference.exported import ExportedDetector, read_labels
from keras_ssd.inference.thresholds import ThresholdSettings

_DETECTIONS = ["boxes", "labels", "scores", "num_detections"]
_RAW_OUTPUTS = ["offsets", "classes"]
_NO_ONNX = ("Protobuf parsing failed", "No graph was found")  # in the runtime's messages


class OnnxDetector(ExportedDetector):
    """Runs an `.onnx` file that `export` wrote, with ONNX Runtime on the CPU.

    Several threads may share a detector and compute at the same time.

    Args:
        path: the path of the file.
        num_threads: the number of threads of the runtime. None leaves the choice to the runtime.

    Raises:
        ValueError: there is no such file or it is not a detector, as in `ExportedDetector`.
        ImportError: onnxruntime is not installed.
    """

    kind = "exported as .onnx"

    def _open(self):
        onnxruntime = require("onnxruntime", extra="onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._num_threads or 0
        options.log_severity_level = 4  # errors are raised, so they need not be logged too
        try:
            self._session = onnxruntime.InferenceSession(
                str(self.path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own kinds
            if any(text in str(error) for text in _NO_ONNX):
                raise ValueError("it is not an ONNX file") from error
            raise
        texts = self._session.get_modelmeta().custom_metadata_map
        if "labels" not in texts:
            raise ValueError("it is an ONNX file without labels, the class names, in its metadata")
        self.class_names = read_labels(texts["labels"])
        self.image_size = _image_size(self._session.get_inputs())
        outputs = {output.name: output.shape[1:] for output in self._session.get_outputs()}
        if "thresholds" in texts:
            self._fixed_thresholds = ThresholdSettings.from_json(texts["thresholds"])
        self._outputs = _DETECTIONS
        if "decoding" in texts:
            self._outputs = _RAW_OUTPUTS
        if set(outputs) != set(self._outputs):
            raise ValueError(f"outputs: expected {self._outputs}, not {list(outputs)}")
        if "decoding" in texts:
            self._decoder = Decoder(
                DecodingSettings.from_json(texts["decoding"]),
                num_classes=len(self.class_names),
                image_size=self.image_size,
                offsets_shape=outputs["offsets"],
                classes_shape=outputs["classes"],
            )

    def raw_outputs(self, images: np.ndarray) -> dict[str, np.ndarray] | None:
        return None if self._decoder is None else self._run(images)

    def _predict_on_batch(self, images):
        found = self._run(self._warped(images))
        if self._decoder is None:
            return found
        return self._decoder(found["offsets"], found["classes"])

    def _run(self, images):
        values = self._session.run(self._outputs, {"images": images})
        return dict(zip(self._outputs, values, strict=True))


def _image_size(inputs):
    """Returns the side of the one input, uint8 (B, S, S, 3)."""
    found = [(tensor.name, tensor.type, tensor.shape[1:]) for tensor in inputs]
    size = inputs[0].shape[1] if inputs and len(inputs[0].shape) == 4 else "S"
    if found != [("images", "tensor(uint8)", [size, size, 3])] or not isinstance(size, int):
        raise ValueError(f"inputs: expected images, uint8 (B, S, S, 3), not {found}")
    return size
