"""Every kind of detector, from its name or its file."""

from pathlib import Path

from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.presets import is_preset, list_presets


def load_detector(model: str | Path, *, dtype: str | None = None) -> ObjectDetector:
    """Loads a trained detector of any kind.

    Args:
        model: the name of a preset, which is downloaded once unless it comes with the package; or
            the path of a detector saved as `.keras` or exported: a `.tflite`, `.onnx` or (OpenVINO)
            `.xml` file, or the folder of a SavedModel, or of its versions.
        dtype: what it computes in. None is Keras's dtype policy for a Keras detector, and what the
            file was exported with for the others. A Keras detector takes "float32",
            "mixed_bfloat16", "mixed_float16", or "auto": the faster of float32 and bfloat16, if it
            was measured not to cost accuracy. An OpenVINO file takes "float32" or "bfloat16".

    Returns:
        A `Detector` for a `.keras` file or a preset, else an `ExportedDetector`. Both answer
        `class_names`, `image_size`, `predict` and `detect`.

    Raises:
        ValueError: there is no such preset or file, it holds something else, it cannot be
            downloaded (the message says what to do by hand), or the dtype does not fit it.
        ImportError: the program that runs the file's format is not installed.
    """
    if is_preset(model):
        from keras_ssd.detector import opening

        return opening.open_preset(str(model), dtype)
    path = Path(model)
    if not path.exists():
        names = ", ".join(preset.name for preset in list_presets())
        raise ValueError(f"{model}: no such file; expected a detector's file, or a preset: {names}")
    if path.suffix == ".keras":
        from keras_ssd.detector import opening

        return opening.in_dtype(opening.open_detector(path), dtype)
    if path.suffix == ".xml":
        from keras_ssd.formats.openvino.read import OpenVINODetector

        return OpenVINODetector(path, precision=dtype or "float32")
    if dtype not in (None, "auto"):
        raise ValueError(f"dtype: {model} keeps what it was exported with, so it takes no {dtype}")
    if path.suffix == ".tflite":
        from keras_ssd.formats.litert.read import LiteRTDetector

        return LiteRTDetector(path)
    if path.suffix == ".onnx":
        from keras_ssd.formats.onnx.read import OnnxDetector

        return OnnxDetector(path)
    from keras_ssd.formats.saved_model.read import SavedModelDetector

    return SavedModelDetector(path)
