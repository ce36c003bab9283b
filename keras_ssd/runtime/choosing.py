"""Chooses the program that runs a detector, and loads the detector for it."""

import importlib.util
import logging
from pathlib import Path

from keras_ssd.formats.comparison import ExportError
from keras_ssd.formats.table import FORMATS, check_option, format_to_read
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.loading import (
    check_keras_detector,
    exported_path,
    load_detector,
    load_keras_detector,
)
from keras_ssd.presets import find_preset, is_preset, preset_file
from keras_ssd.runtime.cache import CachedExport, calibration_images

_FORMATS = {one.name: one for one in FORMATS if one.suffix}  # a SavedModel runs on TensorFlow
RUNTIMES = ("auto", "keras", *_FORMATS)
_TITLES = {"keras": "Keras", "litert": "LiteRT", "openvino": "OpenVINO", "onnx": "ONNX Runtime"}
logger = logging.getLogger("keras_ssd")


def load_for(
    model: str | Path,
    *,
    runtime: str = "auto",
    many: bool = False,
    changes_nms: bool = False,
    dtype: str | None = None,
    calibrate: str | Path | None = None,
) -> ObjectDetector:
    """Loads a detector for the runtime that suits the task, and logs which one that is and why.

    "auto" takes for a preset its packaged int8 file, which LiteRT runs without Keras and
    TensorFlow. It takes for other detectors Keras, or a float32 LiteRT export if there are many
    images, or if such an export was made before. Exports are kept in the cache folder; each was
    compared with the detector when it was made.

    Args:
        model: the name of a preset or the path of a detector, as in `load_detector`. A file that
            was exported runs on the runtime of its format.
        runtime: "auto", "keras", "litert", "openvino" or "onnx".
        many: whether there is enough to look at, such as a video or hundreds of images, for an
            export to be worth its time.
        changes_nms: whether `iou_threshold` or `max_detections` will be set, which rules out a
            packaged file that does NMS itself.
        dtype: the dtype to compute in, as in `load_detector`. "float32" rules out a packaged int8
            file. With "auto" as the runtime, "mixed_bfloat16" takes Keras.
        calibrate: a folder of typical images. The detector is then exported in int8, with the
            ranges of its activations on up to 100 of them. LiteRT and OpenVINO run int8.

    Raises:
        ValueError: an argument is wrong, or the arguments do not go together; or the detector
            cannot be loaded.
        ExportError: an export that was asked for by the name of its runtime differs too much from
            the detector.
        ImportError: a package of the runtime is missing.

    Examples:
        >>> from keras_ssd.runtime import load_for
        >>> detector = load_for("ssd_mobilenet_320_voc")
        >>> type(detector).__name__
        'LiteRTDetector'
    """
    if runtime not in RUNTIMES:
        raise ValueError(f"runtime: expected one of {', '.join(RUNTIMES)}, not {runtime!r}")
    if exported := exported_path(model):
        _check_exported(model, exported, runtime, calibrate)
        return load_detector(model, dtype=dtype)
    check_keras_detector(model)
    if calibrate is not None:
        return _calibrated(model, runtime, dtype, calibrate)
    if runtime == "keras" or (runtime == "auto" and dtype == "mixed_bfloat16"):
        return _on_keras(model, dtype, "as asked for")
    if runtime in ("auto", "litert") and dtype in (None, "auto") and not changes_nms:
        int8 = find_preset(model).int8 if is_preset(model) else None
        if int8 and _has_litert():
            return _packaged(model, int8)
    if runtime == "auto":
        return _automatic(model, many, dtype)
    return _exported(model, CachedExport(_file_of(model), _FORMATS[runtime]), dtype)


def _check_exported(model, path, runtime, calibrate):
    """Raises ValueError unless an exported file runs on the runtime as it is."""
    written = format_to_read(path)
    if runtime not in ("auto", written.name):
        raise ValueError(f"runtime: {model} is {written.title}, which {runtime} does not run")
    if calibrate is not None:
        raise ValueError(f"calibrate: {model} is {written.title}, which was exported already")


def _packaged(model, int8):
    logger.info(
        "%s runs in int8 on LiteRT, which starts and runs fastest: %s. --runtime keras runs it in "
        "float32: %s",
        model,
        find_preset(int8).metric,
        find_preset(model).metric,
    )
    return load_detector(int8)


def _on_keras(model, dtype, reason):
    logger.info("%s runs on Keras, %s", model, reason)
    return load_keras_detector(model, dtype=dtype)


def _automatic(model, many, dtype):
    """Loads a detector without packaged int8 file, on LiteRT if that is worth an export."""
    if not _has_litert():
        return _on_keras(model, dtype, "because ai-edge-litert is not installed")
    export = CachedExport(_file_of(model), _FORMATS["litert"])
    if not export.exists():
        if not many:
            return _on_keras(model, dtype, "because an export takes too long for a few images")
        if reason := _reason_for_keras():
            return _on_keras(model, dtype, f"because {reason}")
    try:
        return _exported(model, export, dtype)
    except (ExportError, OSError) as error:
        return _on_keras(model, dtype, f"because its export failed ({error})")


def _calibrated(model, runtime, dtype, folder):
    """Loads a detector's int8 export, with the ranges of its activations on a folder's images."""
    chosen = _FORMATS.get("litert" if runtime == "auto" else runtime)
    if chosen is None or "int8" not in chosen.quantizations:
        able = ", ".join(one.name for one in _FORMATS.values() if "int8" in one.quantizations)
        raise ValueError(f"calibrate: {runtime} does not run int8; expected {able}")
    export = CachedExport(_file_of(model), chosen, calibration_images(folder))
    return _exported(model, export, dtype)


def _exported(model, export, dtype):
    """Opens an export, and makes it before that if it does not exist."""
    options = {}
    if dtype == "mixed_bfloat16":
        options["dtype"] = dtype
        what = f"{model} is to run as {export.format.title}"
        check_option("dtype", export.format, "read_options", what)
    detector = export.open(lambda: load_keras_detector(model, dtype="float32"), **options)
    precision = "int8" if export.calibration else "bfloat16" if options else "float32"
    logger.info(
        "%s runs in %s on %s, from its export %s",
        model,
        precision,
        _TITLES[export.format.name],
        export.path,
    )
    return detector


def _file_of(model):
    return preset_file(find_preset(model)) if is_preset(model) else Path(model)


def _has_litert():
    return importlib.util.find_spec("ai_edge_litert") is not None


def _reason_for_keras():
    """Says why an export for the processor is impossible here or no gain, or returns None."""
    import keras

    if keras.backend.backend() != "tensorflow":
        return f"Keras computes on {keras.backend.backend()}, and exports need TensorFlow"
    import tensorflow as tf

    return "there is a GPU" if tf.config.list_physical_devices("GPU") else None
