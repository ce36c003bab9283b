"""Every kind of detector from the file that it is in."""

from pathlib import Path

from keras_ssd import models


def load_detector(model: str | Path, *, weights: str | Path | None = None):
    """Loads a trained detector, Keras or exported.

    Args:
        model: name of a preset, see `list_presets`, which is downloaded once unless it comes with
            the package; or the path of a detector saved as `.keras` or exported: a `.tflite`,
            `.onnx` or (OpenVINO) `.xml` file, or the folder of a SavedModel, or of its versions.
        weights: the path of a preset's own file, in place of the download.

    Returns:
        keras.Model, see `build_detector`, or an `ExportedDetector`, which predicts alike.

    Raises:
        ValueError: there is no such preset or file, it holds something else, or it cannot be
            downloaded; the message says what to do by hand.
        ImportError: the runtime of the file's format is not installed.
    """
    suffix = Path(model).suffix if weights is None else None
    if suffix == ".tflite":
        from keras_ssd.inference.litert import LiteRTDetector

        return LiteRTDetector(model)
    if suffix == ".onnx":
        from keras_ssd.inference.onnx import OnnxDetector

        return OnnxDetector(model)
    if suffix == ".xml":
        from keras_ssd.inference.openvino import OpenVINODetector

        return OpenVINODetector(model)
    presets = {preset.name for preset in models.list_presets()}
    if Path(model).is_dir() and str(model) not in presets and weights is None:
        from keras_ssd.inference.saved_model import SavedModelDetector

        return SavedModelDetector(model)
    return models.load_detector(model, weights=weights)
