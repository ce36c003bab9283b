"""Every kind of detector from the file that it is in."""

from pathlib import Path

from keras_ssd.presets import presets


def load_detector(model: str | Path, *, weights: str | Path | None = None, precision: str = "auto"):
    """Loads a trained detector, Keras or exported.

    Args:
        model: name of a preset, see `list_presets`, which is downloaded once unless it comes with
            the package; or the path of a detector saved as `.keras` or exported: a `.tflite`,
            `.onnx` or (OpenVINO) `.xml` file, or the folder of a SavedModel, or of its versions.
        weights: the path of a preset's own file, in place of the download.
        precision: what it computes in: "float32", "bfloat16", or "auto". Of Keras detectors, "auto"
            takes bfloat16 if a preset, or a copy of its file, has been measured to be faster so on
            processors such as this one and to lose at most 0.003 mAP, else float32. OpenVINO files
            can be run in either, float32 unless told; the other exports have a precision of
            their own, "auto".

    Returns:
        keras.Model, see `build_detector`, or an `ExportedDetector`, which predicts alike.

    Raises:
        ValueError: there is no such preset or file, it holds something else, or it cannot be
            downloaded; the message says what to do by hand. Or the precision does not go with it.
        ImportError: the runtime of the file's format is not installed.
    """
    suffix = Path(model).suffix if weights is None else None
    names = {preset.name for preset in presets.list_presets()}
    is_folder = Path(model).is_dir() and str(model) not in names and weights is None
    if precision != "auto" and (is_folder or suffix in (".tflite", ".onnx")):
        raise ValueError(f"precision: {model} was exported with its own; expected auto")
    if suffix == ".tflite":
        from keras_ssd.formats.litert.read import LiteRTDetector

        return LiteRTDetector(model)
    if suffix == ".onnx":
        from keras_ssd.formats.onnx.read import OnnxDetector

        return OnnxDetector(model)
    if suffix == ".xml":
        from keras_ssd.formats.openvino.read import OpenVINODetector

        return OpenVINODetector(model, precision="float32" if precision == "auto" else precision)
    if is_folder:
        from keras_ssd.formats.saved_model.read import SavedModelDetector

        return SavedModelDetector(model)
    return presets.load_detector(model, weights=weights, precision=precision)
