"""Times detectors in every format that they export to, and measures their mAP; prints tables.

python training/bench_exports.py VOCdevkit training/holdback.txt PEER.tflite MODEL...

A MODEL is a preset or a `.keras` file, with VOC's classes; compare.py explains the peer. A time is
that from uint8 images at the network's size to detections, on all processors. It is the median of
the rounds in which all formats take turns; an untimed run precedes each. int8 is calibrated on
images of trainval that are not in the image set that mAP is measured on.
"""

import argparse
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from compare import Peer, megabytes, milliseconds

from keras_ssd.classes import VOC_CLASSES
from keras_ssd.data import AnnotatedImages, load
from keras_ssd.evaluation import evaluate_map
from keras_ssd.formats import FORMATS
from keras_ssd.formats.table import Format
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.loading import load_keras_detector

Variant = tuple[ObjectDetector, float]  # the detector and its megabytes
ROUNDS = {1: 15, 8: 3}  # by batch size
REFERENCE = "Keras float32"


def variants() -> Iterator[tuple[str, Format, dict[str, Any], dict[str, Any]]]:
    """Yields (name, format, options of writing, options of reading): each format and precision."""
    for one in FORMATS:
        for quantize in (None, *one.quantizations):
            yield f"{one.name} {quantize or 'float32'}", one, {"quantize": quantize}, {}
        if "dtype" in one.read_options:
            yield f"{one.name} bfloat16", one, {}, {"dtype": "mixed_bfloat16"}
        if one.name == "litert":
            yield "litert int8, with NMS", one, {"quantize": "int8", "nms": True}, {}


def open_all(model: str, folder: Path, calibration: AnnotatedImages) -> dict[str, Variant]:
    """Returns (detector, megabytes) of each variant of a model, by name; Keras's comes first."""
    detector = load_keras_detector(model, dtype="float32")
    found = {REFERENCE: (detector, megabytes(model))}

    def add(name, source, one, write, read):
        path = folder / name.replace(" ", "_").replace(",", "") / f"d{one.suffix}"
        data = calibration if write.get("quantize") == "int8" else None
        path = source.export(path, one.name, data=data, **write)
        found[name] = one.read(path, **read), megabytes(path)

    for name, one, write, read in variants():
        add(name, detector, one, write, read)
        if one.keeps_dtype:
            half = detector.with_dtype("mixed_bfloat16")
            add(f"{one.name} bfloat16", half, one, write, read)
    return found


def print_table(
    found: dict[str, Variant],
    single: dict[str, float],
    batch: dict[str, float],
    data: AnnotatedImages,
) -> None:
    """Measures mAP, and prints the row of each variant as soon as it is known."""
    print("| format | ms, batch 1 | share | ms/image, batch 8 | MB | mAP | loss |")
    print("|---|---|---|---|---|---|---|", flush=True)
    reference = None
    for name, (detector, size) in found.items():
        mean_ap = evaluate_map(detector, data, coco=False).voc.map_11_point
        reference = mean_ap if reference is None else reference
        share = single[name] / single[REFERENCE]
        print(
            f"| {name} | {single[name]:.1f} | {share:.2f} | {batch[name]:.1f} "
            f"| {size:.1f} | {mean_ap:.4f} | {reference - mean_ap:.4f} |",
            flush=True,
        )


def bench(folder: str, image_set: str, peer: str, models: Iterable[str]) -> None:
    """Prints a table for each model: first all are timed, then their mAP is measured."""
    data = load([folder], image_set, class_names=VOC_CLASSES)
    calibration = load([folder], "trainval", class_names=VOC_CLASSES, exclude=image_set)
    photos = [sample.read_image() for sample in data[:: max(1, len(data) // 8)][:8]]
    with tempfile.TemporaryDirectory() as exports:
        tables = {}
        for number, model in enumerate(models):
            found = open_all(model, Path(exports) / str(number), calibration)
            found["peer"] = Peer(Path(peer)), megabytes(peer)
            detectors = {name: detector for name, (detector, _) in found.items()}
            times = [milliseconds(detectors, photos, size, ROUNDS[size]) for size in (1, 8)]
            tables[model] = found, times
        for model, (found, times) in tables.items():
            print(f"\n{model}, {len(data)} images\n")
            print_table(found, *times, data)


def main() -> None:
    """Runs the command; wrong arguments lead to its usage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", metavar="VOCdevkit", help="a folder in VOC's format")
    add("image_set", help="a name of an image set or a .txt file of ids")
    add("peer", metavar="PEER.tflite", help="the detector to compare with")
    add("models", nargs="+", metavar="MODEL", help="a detector to export")
    options = parser.parse_args()
    try:
        bench(options.data, options.image_set, options.peer, options.models)
    except (ValueError, ImportError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
