"""The runtimes and dtypes that a detector is measured on, and the files that they run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keras_ssd.formats.exporting import drawn_images, file_size
from keras_ssd.formats.table import format_to_read, format_to_write
from keras_ssd.images import read_image
from keras_ssd.loading import exported_path, load_keras_detector
from keras_ssd.presets import find_preset, is_preset, preset_file
from keras_ssd.runtime.cache import calibration_images


@dataclass(frozen=True)
class Variant:
    """A runtime and a precision to measure a detector in.

    Attributes:
        name: the names of both, such as "LiteRT int8".
        format: the name of the format that is exported for it, or None for Keras itself.
        quantize: the quantization of the export.
        options: the options of `load_detector`.
    """

    name: str
    format: str | None = None
    quantize: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Candidate:
    """A variant with the file that it runs.

    Attributes:
        variant: the variant.
        model: the name or the path that `load_detector` opens.
        megabytes: the size of the file in MB (1,000,000 bytes).
        with_map: whether its mAP means anything; int8 that was calibrated on drawn images has none.
    """

    variant: Variant
    model: str
    megabytes: float
    with_map: bool = True


VARIANTS = (
    Variant("Keras float32", options={"dtype": "float32"}),
    Variant("Keras bfloat16", options={"dtype": "mixed_bfloat16"}),
    Variant("LiteRT float32", "litert"),
    Variant("LiteRT float16", "litert", "float16"),
    Variant("LiteRT int8", "litert", "int8"),
    Variant("OpenVINO float32", "openvino"),
    Variant("OpenVINO bfloat16", "openvino", options={"dtype": "mixed_bfloat16"}),
    Variant("OpenVINO int8", "openvino", "int8"),
    Variant("ONNX Runtime float32", "onnx"),
)


def prepare(
    model: str | Path, folder: str | Path, calibrate: str | Path | None
) -> tuple[list[Candidate], dict[str, str]]:
    """Exports a detector for every variant.

    Args:
        model: the name or the path of a detector, as `load_detector` takes it. A file that was
            exported is the only candidate.
        folder: the folder to write to.
        calibrate: a folder of images to calibrate int8 on. None takes a preset's packaged int8 file
            where there is one, and drawn images otherwise.

    Returns:
        The candidates, and for each variant that is not possible here its name and the reason.
    """
    if path := exported_path(model):
        chosen = format_to_read(path)
        assert chosen is not None
        variant = Variant(chosen.name)
        return [Candidate(variant, str(model), file_size(path) / 1e6)], {}
    detector = load_keras_detector(model, dtype="float32")
    images = drawn_images(detector.image_size)
    if calibrate is not None:
        images = [read_image(path) for path in calibration_images(calibrate)]
    candidates, missing = [], {}
    for variant in VARIANTS:
        try:
            candidates.append(_candidate(variant, model, detector, Path(folder), calibrate, images))
        except (ImportError, ValueError) as error:
            missing[variant.name] = str(error)
    return candidates, missing


def _candidate(variant, model, detector, folder, calibrate, images):
    preset = find_preset(model) if is_preset(model) else None
    if variant.format is None:
        path = preset_file(preset) if preset else Path(model)
        return Candidate(variant, str(model), file_size(path) / 1e6)
    is_int8 = variant.quantize == "int8"
    if is_int8 and variant.format == "litert" and calibrate is None and preset and preset.int8:
        return Candidate(variant, preset.int8, find_preset(preset.int8).megabytes)
    suffix = format_to_write("", variant.format).suffix
    path = folder / f"{variant.format}_{variant.quantize}{suffix}"
    if not path.exists():  # two variants may run the same file
        data = images if is_int8 else None
        detector.export(path, variant.format, quantize=variant.quantize, data=data)
    format_to_read(path).read(path, **variant.options)
    return Candidate(
        variant, str(path), file_size(path) / 1e6, with_map=not is_int8 or calibrate is not None
    )
