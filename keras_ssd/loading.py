"""Loads every kind of detector, by its name or from its file."""

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from keras_ssd.checkpoints import is_checkpoint
from keras_ssd.formats.table import FORMATS, check_option, format_to_read
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.presets import find_preset, is_preset, list_presets, preset_file, similar_preset

if TYPE_CHECKING:
    from keras_ssd.detector import Detector

_EXPECTED = (
    "a file that ends in .keras, {suffixes}, the folder of a SavedModel, a checkpoint (.pth, .pt, "
    ".tar.gz or its folder), or a preset: {presets}"
)


def load_detector(
    model: str | Path, *, dtype: str | None = None, num_threads: int | None = None
) -> ObjectDetector:
    """Loads a trained detector of any kind.

    Args:
        model: the name of a preset, which is downloaded once unless it comes with the package; or
            the path of a detector saved as `.keras`, of one exported as a `.tflite`, `.onnx` or
            (OpenVINO) `.xml` file, or of the folder of a SavedModel or of its versions; or the
            path of a checkpoint that `Detector.from_checkpoint` reads: PyTorch's `.pth` or `.pt`,
            or TensorFlow's folder or `.tar.gz`.
        dtype: the dtype that the detector computes in. None takes Keras's dtype policy for a Keras
            detector, and the dtype of the file for an exported one. A Keras detector takes
            "float32", "mixed_bfloat16", "mixed_float16", or "auto", which is bfloat16 if
            measurements say that it is faster here and as accurate, and float32 otherwise. An
            OpenVINO file takes "float32" or "mixed_bfloat16". All kinds accept "auto".
        num_threads: the number of threads that a `.tflite`, `.onnx` or `.xml` file computes with.
            None leaves the choice to its runtime.

    Returns:
        A `Detector` for a `.keras` file, a checkpoint and most presets, or an `ExportedDetector`
        for an exported file. Both have `class_names`, `image_size`, `predict` and `detect`.

    Raises:
        ValueError: there is no such preset or file, the file is not a detector, it cannot be
            downloaded (the message says what to do by hand), or it does not take an option.
        ImportError: the program that runs the file's format is not installed.

    Examples:
        >>> import keras_ssd
        >>> detector = keras_ssd.load_detector("ssd_mobilenet_320_voc_int8")
        >>> detector.class_names[:3], detector.image_size
        (('aeroplane', 'bicycle', 'bird'), 320)
    """
    exported = exported_path(model)
    if exported and (chosen := format_to_read(exported)):
        options = {"dtype": None if dtype == "auto" else dtype, "num_threads": num_threads}
        return chosen.read(exported, **options)
    if num_threads is not None:
        check_keras_detector(model)
        check_option("num_threads", None, "read_options", f"{model} is a Keras detector")
    return load_keras_detector(model, dtype=dtype)


def load_keras_detector(model: str | Path, *, dtype: str | None = None) -> "Detector":
    """Loads a detector that can be trained, changed and exported; see `load_detector`.

    Raises:
        ValueError: as in `load_detector`, or the detector is an exported file.
        ImportError: Keras or its backend is not installed.
    """
    check_keras_detector(model)
    opening, path = _opening(), Path(model)
    if is_preset(model):
        return opening.open_preset(str(model), dtype)
    is_saved = path.is_file() and path.suffix == ".keras"
    open_file = opening.open_detector if is_saved else opening.open_checkpoint
    return opening.in_dtype(open_file(path), dtype)


def check_detector(model: str | Path) -> None:
    """Checks, without opening it, that `load_detector` knows what a model is.

    Raises:
        ValueError: there is no such preset or file, or the file is not a detector.
    """
    if not exported_path(model):
        check_keras_detector(model)


def check_keras_detector(model: str | Path) -> None:
    """Checks, without Keras, that `load_keras_detector` knows what a model is.

    Raises:
        ValueError: there is no such preset or file, the file is not a detector, or it is an
            exported one.
    """
    path = Path(model)
    if exported_path(model):
        raise ValueError(
            f"{model}: an exported detector, which only detects; expected a detector of Keras"
        )
    is_saved = path.is_file() and path.suffix == ".keras"
    if is_preset(model) or is_saved or is_checkpoint(path):
        return
    if not path.exists() and (preset := similar_preset(model)):
        raise ValueError(f"{model}: no such file or preset; did you mean {preset}?")
    expected = _EXPECTED.format(
        suffixes=", ".join(one.suffix for one in FORMATS if one.suffix),
        presets=", ".join(preset.name for preset in list_presets()),
    )
    problem = "expected a detector" if path.exists() else "no such file; expected a detector"
    raise ValueError(f"{model}: {problem}: {expected}")


def exported_path(model: str | Path) -> Path | None:
    """Returns the path of an exported detector, or None if the model is of another kind."""
    if is_preset(model):
        preset = find_preset(model)
        return preset_file(preset) if preset.kind == "litert" else None
    path = Path(model)
    if path.is_dir() and (any(path.glob("saved_model.pb")) or any(path.glob("*/saved_model.pb"))):
        return None if is_checkpoint(path) else path
    return path if path.is_file() and format_to_read(path) else None


def _opening():
    """Imports the module that opens Keras detectors."""
    try:
        return importlib.import_module("keras_ssd.detector.opening")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{error.name} is missing, which detectors of Keras need: pip install keras-ssd. "
            "Without it, exported detectors can be loaded (.tflite, .onnx, .xml)"
        ) from error
