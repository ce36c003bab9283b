"""Measures what each step of the int8 LiteRT export gains in mAP; prints the rows of a table.

python training/int8_methods.py VOCdevkit training/holdback.txt MODEL SEED...

Each SEED chooses other 100 calibration images of VOC2007 train: 0 spreads them evenly, and any
other number draws them at random. The files give raw outputs.
"""

import argparse
import contextlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from keras_ssd.classes import VOC_CLASSES
from keras_ssd.cli import option_values
from keras_ssd.data import AnnotatedImages, load
from keras_ssd.detector import Detector
from keras_ssd.evaluation import evaluate_map
from keras_ssd.formats.litert import quantization
from keras_ssd.formats.litert.write import export_litert
from keras_ssd.loading import load_detector

CALIBRATION_IMAGES = 100
ALL_RANGES = {"_SHARE_OF_IMAGES": 1.0}
NO_CORRECTION = {"_correct_bias": lambda *operands, **options: None}
# For each row, what replaces a part of the module `quantization`.
ROWS = {
    "plain: ranges of all images": ALL_RANGES | NO_CORRECTION,
    "ranges of 80 % of the images": NO_CORRECTION,
    "ranges of all images, corrected biases": ALL_RANGES,
    "ranges of 80 %, corrected biases": {},
}


def calibration_images(data: AnnotatedImages, seed: int) -> list[np.ndarray]:
    """Returns 100 images of the data, uint8 RGB (H, W, 3)."""
    if seed == 0:
        chosen = np.linspace(0, len(data) - 1, CALIBRATION_IMAGES).round().astype(int)
    else:
        chosen = np.random.default_rng(seed).choice(len(data), CALIBRATION_IMAGES, replace=False)
    return [data.samples[index].read_image() for index in chosen]


def mean_ap(
    detector: Detector,
    data: AnnotatedImages,
    images: list[np.ndarray],
    replaced: dict[str, Any],
    path: Path,
) -> float:
    """Returns the mAP (11-point) of an export by a changed module `quantization`."""
    with contextlib.ExitStack() as stack:
        for name, value in replaced.items():
            stack.enter_context(mock.patch.object(quantization, name, value))
        export_litert(detector, path, quantize="int8", calibration_images=images)
    return evaluate_map(load_detector(path), data, coco=False).voc.map_11_point


def measure(folder: str, image_set: str, model: str, seeds: Iterable[int]) -> None:
    """Prints a row for each method, with a column for each seed."""
    data = load([folder], image_set, class_names=VOC_CLASSES)
    train = load([Path(folder) / "VOC2007"], "train", class_names=VOC_CLASSES)
    detector = load_detector(model)
    calibrations = [calibration_images(train, number) for number in seeds]
    with tempfile.TemporaryDirectory() as exports:
        path = Path(exports) / "int8.tflite"
        for name, replaced in ROWS.items():
            found = [mean_ap(detector, data, images, replaced, path) for images in calibrations]
            print(f"| {name} |", *[f"{value:.4f} |" for value in found], flush=True)


def main() -> None:
    """Runs the command; wrong arguments lead to its usage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", metavar="VOCdevkit", help="a folder in VOC's format")
    add("image_set", help="a name of an image set or a .txt file of ids")
    add("model", metavar="MODEL", help="the detector to export")
    add(
        "seeds",
        nargs="+",
        type=option_values.seed,
        metavar="SEED",
        help="a choice of calibration images",
    )
    options = parser.parse_args()
    try:
        measure(options.data, options.image_set, options.model, options.seeds)
    except (ValueError, ImportError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
