"""Opens Keras detectors: from `.keras` files, from checkpoints of other projects, and presets."""

from collections.abc import Iterable
from pathlib import Path

import keras

from keras_ssd import optimizers  # noqa: F401 - a compiled detector may name one
from keras_ssd.convert import convert_checkpoint
from keras_ssd.detector.detector import Detector
from keras_ssd.detector.keras_file import check_keras_file
from keras_ssd.models.precision import auto_dtype
from keras_ssd.presets import Preset, find_preset, list_presets, preset_file


def open_preset(name: str, dtype: str | None = None) -> Detector:
    """Returns the detector of a preset; see `Detector.from_preset`."""
    preset = find_preset(name)
    if preset.kind == "litert":
        raise ValueError(
            f"{name}: this preset is a LiteRT file, which cannot be trained or changed; load it "
            "with keras_ssd.load_detector"
        )
    path = preset_file(preset)
    try:
        if preset.kind == "keras":
            detector = open_detector(path)
        else:
            detector = Detector(*convert_checkpoint(path, preset.kind))
    except ValueError as error:
        if preset.url is None:
            raise
        raise ValueError(f"{error}. Delete it to download it from {preset.url} again") from error
    return in_dtype(detector, dtype, preset)


def open_checkpoint(
    path: str | Path,
    source: str = "auto",
    class_names: Iterable[str] | None = None,
    boxes: str | None = None,
) -> Detector:
    """Returns the detector in a foreign checkpoint; see `Detector.from_checkpoint`."""
    if source == "auto":
        # The tensors of "caffe" and "amdegroot" have the same names; the names of the files differ.
        name = Path(path).name
        sources = [preset.kind for preset in list_presets() if preset.file_name == name]
        source = sources[0] if sources else source
    return Detector(*convert_checkpoint(path, source, class_names, boxes))


def in_dtype(detector: Detector, dtype: str | None, preset: Preset | None = None) -> Detector:
    """Returns the detector in a dtype; see `keras_ssd.load_detector`."""
    if dtype is None:
        dtype = keras.config.dtype_policy().name
    if dtype == "auto" and preset is not None:
        dtype = auto_dtype(preset.name, preset.bfloat16_map_loss, preset.bfloat16_time)
    elif dtype == "auto":
        dtype = auto_dtype(detector.name, None, None)
    return detector.with_dtype(dtype)


def open_detector(path: str | Path) -> Detector:
    """Returns the detector in a `.keras` file, in the dtype that it was saved with.

    Raises:
        ValueError: there is no such file, or it is not a detector.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path}: no such file; expected a detector saved as .keras")
    if path.suffix != ".keras" or path.is_dir():
        raise ValueError(f"{path}: expected a detector saved as .keras")
    try:
        check_keras_file(path)
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # damaged files make Keras raise errors of many kinds
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path}: not a detector saved as .keras ({reason})") from error
    if not isinstance(model, Detector):
        raise ValueError(f"{path}: holds a {type(model).__name__}; expected a Detector")
    return model
