"""A detector in an ONNX file, as `export_onnx` writes it."""

from pathlib import Path

from keras_ssd.inference.raw_outputs import RawOutputsDetector


class OnnxDetector(RawOutputsDetector):
    """Runs an `.onnx` file on ONNX Runtime, on the CPU.

    Args:
        path: of the file.
        num_threads: of the runtime; None: as it likes.

    Raises:
        ValueError: there is no such file, or `export_onnx` did not write it.
        ImportError: onnxruntime is not installed.
    """

    def __init__(self, path: str | Path, *, num_threads: int | None = None):
        try:
            import onnxruntime
        except ImportError as error:
            raise ImportError(
                'an .onnx file needs onnxruntime: pip install "keras-ssd[onnx]"'
            ) from error
        if not Path(path).is_file():
            raise ValueError(f"{path}: no such file; expected a detector exported as .onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads or 0
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
            metadata = self._session.get_modelmeta().custom_metadata_map
            super().__init__(metadata["labels"], metadata["decoding"])
        except Exception as error:  # a damaged file makes the runtime raise almost anything
            raise ValueError(f"{path}: not a detector exported as .onnx ({error})") from error

    def _run(self, images):
        return self._session.run(["offsets", "classes"], {"images": images})
