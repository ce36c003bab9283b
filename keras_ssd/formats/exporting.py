"""`export`, which writes a detector in any format and checks the written file."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from keras_ssd.files import as_many
from keras_ssd.formats.comparison import Differences, ExportError, compare
from keras_ssd.formats.raw_outputs import KerasDetector, warped_images
from keras_ssd.formats.table import Format, check_option, format_to_write
from keras_ssd.terminal import counted, track

Item = TypeVar("Item")
CALIBRATION_IMAGES = 100
COMPARED_IMAGES = 16
logger = logging.getLogger("keras_ssd")

# The differences that an export may have, by its quantization. On drawn images, exports of
# ssd_mobilenet_320_voc differed by at most 0.00001 in float32, and by at most half of these bounds
# if they were quantized; on photos they differed less. Networks with other weights differ by 1 or
# more.
BOUNDS = {
    None: Differences(offsets=1e-4, classes=1e-4, boxes=1e-4, scores=1e-4, lost=1e-4),
    "float16": Differences(offsets=0.1, classes=0.1, boxes=0.02, scores=0.02, lost=0.2),
    "dynamic_int8": Differences(offsets=0.3, classes=0.5, boxes=0.1, scores=0.2, lost=0.6),
    "int8": Differences(offsets=0.3, classes=0.5, boxes=0.1, scores=0.2, lost=0.6),
}


def export(
    detector: KerasDetector,
    path: str | Path,
    format: str | None = None,
    *,
    quantize: str | None = None,
    nms: bool | None = None,
    version: int | None = None,
    data: Any = None,
    check: bool = True,
) -> Path:
    """Writes a detector in a format that other programs run.

    The new file is opened and compared with the detector (see `compare`) before it replaces an
    earlier file. If they differ by more than the bounds in `BOUNDS`, no file is written.

    Args:
        detector: a `Detector` on Keras's TensorFlow backend; its thresholds are exported as they
            are.
        path: the file to write, or for a SavedModel the folder of its versions.
        format: "litert", "onnx", "openvino" or "saved_model". None chooses by the suffix of the
            path: `.tflite`, `.onnx`, `.xml`, or no suffix for a SavedModel.
        quantize: None for full precision; for LiteRT "float16", "dynamic_int8" or "int8"; for
            OpenVINO "int8".
        nms: True if the file gives detections, False if it gives the raw outputs of the network,
            which `load_detector` decodes. None takes the format's default: False for LiteRT, where
            True limits an image to 100 detections, and True for ONNX, where OpenCV needs False.
            The other formats always give detections.
        version: the number of a SavedModel's version. None takes one more than the highest.
        data: typical images for the detector: `AnnotatedImages`, or RGB uint8 arrays (H, W, 3).
            "int8" needs them to measure the ranges of the activations (on 100 images, spread over
            `AnnotatedImages`). The detectors are compared on 16 of them, or on 16 drawn images if
            there are none.
        check: whether to compare the exported detector with the original.

    Returns:
        The path of the file, or of the SavedModel's version.

    Raises:
        ExportError: the file differs from the detector by more than the bounds.
        ValueError: an argument is wrong, the format does not take an option, or Keras's backend is
            not TensorFlow.
        ImportError: a package that writes or runs the format is missing; the message says how to
            install it.
    """
    chosen = format_to_write(path, format)
    options = checked_options(chosen, path, quantize=quantize, nms=nms, version=version)
    images = [] if data is None else _pictures(data, all_of_them=quantize == "int8")
    if quantize == "int8":
        if not images:
            raise ValueError("data: int8 needs images to take the ranges of the activations from")
        options["calibration_images"] = images

    def verify(unfinished: Path):
        compared = drawn_images(detector.image_size)
        if images:
            compared = warped_images(detector, spread(images, COMPARED_IMAGES))
        check_export(detector, unfinished, chosen, np.stack(compared), quantize)

    return chosen.write(detector, path, verify=verify if check else None, **options)


def checked_options(chosen: Format, path: str | Path, **options: Any) -> dict[str, Any]:
    """Returns the options of `export` that are not None, after a check that the format takes them.

    Args:
        chosen: the format.
        path: the path to write, for messages.
        **options: options of `export`.

    Raises:
        ValueError: the format does not take an option, or its value.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        check_option(name, chosen, "write_options", f"{path} is {chosen.title}")
    quantize = given.get("quantize")
    if quantize not in (None, *chosen.quantizations):
        expected = ", ".join(map(str, (None, *chosen.quantizations)))
        raise ValueError(f"quantize: for {chosen.title} expected {expected}, not {quantize!r}")
    return given


def check_export(
    detector: KerasDetector,
    path: Path,
    written: Format,
    images: np.ndarray,
    quantize: str | None = None,
) -> Differences:
    """Compares a file with the detector that it was exported from.

    Args:
        detector: the original `Detector`.
        path: the exported file or folder.
        written: the format of the file.
        images: the images to compare on, uint8 RGB (B, S, S, 3), at the network's size.
        quantize: the quantization of the file, which the bounds depend on.

    Returns:
        The differences, which are logged too.

    Raises:
        ExportError: the differences exceed the bounds.
    """
    reference = detector if written.keeps_dtype else detector.with_dtype("float32")
    differences, bounds = compare(reference, written.read(path), images), BOUNDS[quantize]
    text = f"differences on {counted(len(images), 'image')}: {differences.with_bounds(bounds)}"
    if differences.exceeding(bounds):
        raise ExportError(f"the export differs too much from the detector; {text}")
    logger.info(text)
    return differences


def file_size(path: str | Path) -> int:
    """Counts the bytes of a file, of a folder's files, or of an OpenVINO `.xml` and its `.bin`."""
    path = Path(path)
    files = path.rglob("*") if path.is_dir() else [path]
    if path.suffix == ".xml":
        files = [path, path.with_suffix(".bin")]
    return sum(file.stat().st_size for file in files if file.is_file())


def _pictures(data, *, all_of_them):
    """Returns the images in `data`; of AnnotatedImages only as many as needed, spread evenly."""
    from keras_ssd.data import AnnotatedImages

    if isinstance(data, AnnotatedImages):
        count = CALIBRATION_IMAGES if all_of_them else COMPARED_IMAGES
        samples = spread(data.samples, count)
        return [sample.read_image() for sample in track(samples, "Reading images")]
    if not isinstance(data, Iterable):
        kind = type(data).__name__
        raise ValueError(f"data: expected AnnotatedImages or RGB uint8 arrays, not {kind}")
    is_batch = isinstance(data, np.ndarray) and data.ndim == 4
    return list(data if is_batch else as_many(data))


def spread(items: Sequence[Item], count: int) -> list[Item]:
    """Chooses up to `count` of the items, at even distances."""
    chosen = np.linspace(0, len(items) - 1, min(count, len(items))).round().astype(int)
    return [items[index] for index in chosen]


def drawn_images(size: int) -> list[np.ndarray]:
    """Returns 16 drawn images, uint8 RGB (size, size, 3), which are the same each time."""
    from keras_ssd.data.synthetic import draw_background, draw_objects

    images = []
    for number in range(COMPARED_IMAGES):
        rng = np.random.default_rng(number)
        images.append(draw_background(rng, size, size))
        draw_objects(rng, images[-1], count=3)
    return images
