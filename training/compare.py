"""Compares detectors on the same images, by the same evaluator; prints a table in Markdown.

python training/compare.py VOCdevkit training/holdback.txt MODEL...

A MODEL is whatever `keras_ssd.load_detector` takes, with VOC's classes, or a TensorFlow Lite
detector trained on COCO with a `labelmap.txt` beside it, as the widely used coco_ssd_mobilenet_v1:
uint8 in; boxes, classes, scores and count out. Milliseconds are of one image already at the
network's size, decoded and with suppression, on all processors: the median of 200, the models
taking turns.
"""

import os
import statistics
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import keras_ssd
from keras_ssd.classes import VOC_CLASSES, VOC_NAMES
from keras_ssd.data import load
from keras_ssd.evaluation import evaluate_voc, predict_samples
from keras_ssd.formats import file_size
from keras_ssd.images import resize_image
from keras_ssd.results import Detections

TIMED_IMAGES = 200


class PackageModel:
    """A detector of this package, Keras or exported."""

    def __init__(self, name):
        self.detector = keras_ssd.load_detector(name)
        self.megabytes = megabytes(name)
        self.image_size = self.detector.image_size
        is_keras = isinstance(self.detector, keras.Model)
        self.run = tf.function(self.detector) if is_keras else self.detector.predict_on_batch

    def predict(self, samples):
        return predict_samples(self.detector, samples)


class LiteModel:
    """A TensorFlow Lite detector with COCO's classes under the runtime's own post-processing."""

    def __init__(self, path):
        self.megabytes = path.stat().st_size / 1e6
        self.interpreter = Interpreter(str(path), num_threads=os.cpu_count())
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.outputs = [output["index"] for output in self.interpreter.get_output_details()]
        self.image_size = int(self.input["shape"][1])
        names = (path.parent / "labelmap.txt").read_text().splitlines()[1:]  # without background
        self.label_of = [self._voc_label(name) for name in names]

    def run(self, images):
        self.interpreter.set_tensor(self.input["index"], images)
        self.interpreter.invoke()
        return [self.interpreter.get_tensor(index)[0] for index in self.outputs]

    def predict(self, samples):
        return [self._detect(sample) for sample in samples]

    def _detect(self, sample):
        image = resize_image(sample.read_image(), self.image_size)
        boxes, classes, scores, count = self.run(image[None])
        labels = np.array([self.label_of[int(index)] for index in classes[: int(count)]], np.int32)
        known = np.flatnonzero(labels >= 0)
        height, width = sample.size
        corners = np.clip(boxes[known][:, [1, 0, 3, 2]], 0, 1) * [width, height, width, height]
        return Detections(
            sample.id,
            sample.size,
            corners.astype(np.float32),
            labels[known],
            scores[known],
            VOC_CLASSES,
        )

    @staticmethod
    def _voc_label(coco_name):
        name = VOC_NAMES.get(coco_name, coco_name)
        return VOC_CLASSES.index(name) if name in VOC_CLASSES else -1


def megabytes(name):
    """The size of a preset's file, or of a detector's."""
    of_presets = {preset.name: preset.megabytes for preset in keras_ssd.list_presets()}
    return of_presets[name] if name in of_presets else file_size(Path(name)) / 1e6


def _open(name):
    is_lite = (Path(name).parent / "labelmap.txt").exists()
    return LiteModel(Path(name)) if is_lite else PackageModel(name)


def main(folder, image_set, *names):
    """Prints the table."""
    samples = load([folder], image_set, class_names=VOC_CLASSES)
    models = {name: _open(name) for name in names}
    seconds = {name: [] for name in names}
    for sample in samples[:TIMED_IMAGES]:
        image = sample.read_image()
        for name, model in models.items():
            batch = resize_image(image, model.image_size)[None]
            model.run(batch)  # whatever another model left in the caches
            start = time.perf_counter()
            model.run(batch)
            seconds[name].append(time.perf_counter() - start)
    print("| model | mAP (11-point) | mAP (area) | ms/image | MB |\n|---|---|---|---|---|")
    for name, model in models.items():
        result = evaluate_voc(model.predict(samples), samples)
        print(
            f"| {name} | {result.map_11_point:.3f} | {result.map_area:.3f} "
            f"| {1000 * statistics.median(seconds[name]):.1f} | {model.megabytes:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
