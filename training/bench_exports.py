"""Times detectors in every format that they export to, and measures their mAP; prints tables.

python training/bench_exports.py VOCdevkit training/holdback.txt PEER.tflite MODEL...

A MODEL is a preset or a `.keras` file, with VOC's classes; the peer is as in compare.py. Times are
from uint8 images at the network's size to detections, on all processors: the median of the rounds
in which all formats take turns, each after one run that does not count. int8 is calibrated on
images of trainval that are not in the image set measured on.
"""

import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
from compare import LiteModel, megabytes

from keras_ssd import formats as export
from keras_ssd.classes import VOC_CLASSES
from keras_ssd.data import load
from keras_ssd.evaluation import evaluate_voc, predict_samples
from keras_ssd.images import resize_image
from keras_ssd.loading import load_detector

ROUNDS = {1: 15, 8: 3}  # by batch size
CALIBRATION_IMAGES = 100


class Format:
    """A detector in one format and precision: what runs it, and the size of its file."""

    def __init__(self, detector, run, megabytes):
        self.detector = detector
        self.run = run
        self.megabytes = megabytes

    def predict(self, samples):
        """See `predict_samples`."""
        return predict_samples(self.detector, samples)


class Peer(LiteModel):
    """Takes one image at a time."""

    def run_all(self, images):
        for image in images:
            self.run(image[None])


def formats(model, folder, calibration_images):
    """Each format of a model under its name, the Keras detector in float32 first."""
    detector = load_detector(model, precision="float32")
    half = load_detector(model, precision="bfloat16")
    folder.mkdir()
    calibrated = {"quantize": "int8", "calibration_images": calibration_images}
    found = {}

    def add(name, path, **options):
        exported = load_detector(path, **options)
        found[name] = Format(exported, exported.predict_on_batch, megabytes(path))

    found["Keras float32"] = Format(detector, tf.function(detector), megabytes(model))
    add("SavedModel float32", export.export_saved_model(detector, folder / "float32"))
    add("SavedModel bfloat16", export.export_saved_model(half, folder / "bfloat16"))
    litert = partial(export.export_litert, detector)
    add("LiteRT float32", litert(folder / "float32.tflite"))
    add("LiteRT float16", litert(folder / "float16.tflite", quantize="float16"))
    add("LiteRT dynamic_int8", litert(folder / "dynamic.tflite", quantize="dynamic_int8"))
    add("LiteRT int8", litert(folder / "int8.tflite", **calibrated))
    add("LiteRT int8, --nms", litert(folder / "nms8.tflite", nms=True, **calibrated))
    openvino = export.export_openvino(detector, folder / "float32.xml")
    add("OpenVINO float32", openvino)
    add("OpenVINO bfloat16", openvino, precision="bfloat16")
    add("OpenVINO int8", export.export_openvino(detector, folder / "int8.xml", **calibrated))
    add("ONNX float32", export.export_onnx(detector, folder / "float32.onnx"))
    return found


def milliseconds(runs, images, rounds):
    """Of each of these functions for an image of a batch, taking turns."""
    seconds = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            run(images[name])  # whatever another one left in the caches
            start = time.perf_counter()
            run(images[name])
            seconds[name].append(time.perf_counter() - start)
    return {
        name: 1000 * statistics.median(times) / len(images[name]) for name, times in seconds.items()
    }


def time_all(found, samples, peer):
    """Milliseconds an image, one at a time and in batches of 8, of each format and the peer."""
    size = found["Keras float32"].detector.image_size
    photos = [sample.read_image() for sample in samples[:: len(samples) // 8][:8]]
    images = np.stack([resize_image(photo, size) for photo in photos])
    for_peer = np.stack([resize_image(photo, peer.image_size) for photo in photos])
    runs = {name: one.run for name, one in found.items()} | {"peer": peer.run_all}
    single = dict.fromkeys(found, images[:1]) | {"peer": for_peer[:1]}
    batch = dict.fromkeys(found, images) | {"peer": for_peer}
    return milliseconds(runs, single, ROUNDS[1]), milliseconds(runs, batch, ROUNDS[8])


def print_table(found, single, batch, samples):
    """Measures mAP and prints a row a format, as it is known."""
    print("| format | ms, batch 1 | share | ms/image, batch 8 | MB | mAP | loss |")
    print("|---|---|---|---|---|---|---|", flush=True)
    reference = None
    for name, one in found.items():
        mean_ap = evaluate_voc(one.predict(samples), samples).map_11_point
        reference = mean_ap if reference is None else reference
        share = single[name] / single["Keras float32"]
        print(
            f"| {name} | {single[name]:.1f} | {share:.2f} | {batch[name]:.1f} "
            f"| {one.megabytes:.1f} | {mean_ap:.4f} | {reference - mean_ap:.4f} |",
            flush=True,
        )


def main(folder, image_set, peer_path, *models):
    """Prints a table a model: first all are timed, then their mAP is measured."""
    samples = load([folder], image_set, class_names=VOC_CLASSES)
    others = load([folder], "trainval", class_names=VOC_CLASSES, exclude=image_set)
    chosen = others[:: len(others) // CALIBRATION_IMAGES][:CALIBRATION_IMAGES]
    calibration_images = [sample.read_image() for sample in chosen]
    peer = Peer(Path(peer_path))
    with tempfile.TemporaryDirectory() as exports:
        found = {
            model: formats(model, Path(exports) / str(number), calibration_images)
            for number, model in enumerate(models)
        }
        times = {model: time_all(found[model], samples, peer) for model in models}
        for model in models:
            print(f"\n{model}, {len(samples)} images\n")
            print_table(found[model] | {"peer": peer}, *times[model], samples)


if __name__ == "__main__":
    main(*sys.argv[1:])
