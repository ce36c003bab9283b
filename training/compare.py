"""Compares detectors on the same images by the same evaluator; prints a table in Markdown.

python training/compare.py VOCdevkit training/holdback.txt MODEL...

A MODEL is whatever `keras_ssd.load_detector` takes, with VOC's classes, or a TensorFlow Lite
detector trained on COCO with a `labelmap.txt` beside it, such as the widely used
coco_ssd_mobilenet_v1, which takes uint8 images and gives boxes, classes, scores and count.
The milliseconds are the median time of `predict_on_batch` for one image at the network's size, with
decoding and NMS, on all processors. The models take turns on 200 images.
"""

import argparse
import os
import statistics
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

import keras_ssd
from keras_ssd.classes import VOC_CLASSES, VOC_NAMES
from keras_ssd.data import load
from keras_ssd.evaluation import evaluate_map
from keras_ssd.extras import require
from keras_ssd.formats import file_size
from keras_ssd.images import resize_image
from keras_ssd.inference.batches import BatchDetector
from keras_ssd.inference.decoding import padded
from keras_ssd.inference.protocol import ObjectDetector

TIMED_IMAGES = 200


class Peer(BatchDetector):
    """A TensorFlow Lite detector with COCO's classes that ends with the runtime's own NMS.

    It finds objects of VOC's classes and leaves out the others.

    Args:
        path: the `.tflite` file, with `labelmap.txt` beside it.
    """

    class_names = VOC_CLASSES

    def __init__(self, path: Path):
        runtime = require("ai_edge_litert.interpreter", extra="edge")
        self.interpreter = runtime.Interpreter(str(path), num_threads=os.cpu_count())
        self.interpreter.allocate_tensors()
        self.input = self.interpreter.get_input_details()[0]
        self.outputs = [output["index"] for output in self.interpreter.get_output_details()]
        self.image_size = int(self.input["shape"][1])
        names = (path.parent / "labelmap.txt").read_text().splitlines()[1:]  # without background
        self.label_of = [self._voc_label(name) for name in names]

    def _predict_on_batch(self, images):
        found = [self._detect(resize_image(image, self.image_size)) for image in images]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    def _detect(self, image):
        self.interpreter.set_tensor(self.input["index"], image[None])
        self.interpreter.invoke()
        outputs = [self.interpreter.get_tensor(index)[0] for index in self.outputs]
        boxes, classes, scores, count = outputs
        labels = np.array([self.label_of[int(index)] for index in classes[: int(count)]], np.int32)
        known = np.flatnonzero(labels >= 0)
        corners = np.clip(boxes[known][:, [1, 0, 3, 2]], 0, 1)
        return padded(corners, labels[known], scores[known], len(scores))

    @staticmethod
    def _voc_label(coco_name):
        name = VOC_NAMES.get(coco_name, coco_name)
        return VOC_CLASSES.index(name) if name in VOC_CLASSES else -1


def open_model(name: str) -> ObjectDetector:
    """Returns the detector that a command names."""
    is_peer = (Path(name).parent / "labelmap.txt").exists()
    return Peer(Path(name)) if is_peer else keras_ssd.load_detector(name)


def megabytes(name: str | Path) -> float:
    """Returns the size of the file of a preset or of a detector."""
    of_presets = {preset.name: preset.megabytes for preset in keras_ssd.list_presets()}
    return of_presets[name] if name in of_presets else file_size(name) / 1e6


def milliseconds(detectors: dict, photos: list, batch_size: int, rounds: int) -> dict[str, float]:
    """Returns the median time that each detector takes for one image, by its name.

    Args:
        detectors: the detectors by their names. They take turns.
        photos: images of any size; each round takes the next ones.
        batch_size: the number of images in a batch.
        rounds: the number of batches that are timed.
    """
    seconds = {name: [] for name in detectors}
    for number in range(rounds):
        batch = [photos[(number * batch_size + i) % len(photos)] for i in range(batch_size)]
        for name, detector in detectors.items():
            images = np.stack([resize_image(photo, detector.image_size) for photo in batch])
            detector.predict_on_batch(images)  # after another model has used the caches
            start = time.perf_counter()
            detector.predict_on_batch(images)
            seconds[name].append(time.perf_counter() - start)
    return {name: 1000 * statistics.median(times) / batch_size for name, times in seconds.items()}


def compare(folder: str, image_set: str, names: Iterable[str]) -> None:
    """Prints the table."""
    data = load([folder], image_set, class_names=VOC_CLASSES)
    detectors = {name: open_model(name) for name in names}
    photos = [sample.read_image() for sample in data[:TIMED_IMAGES]]
    times = milliseconds(detectors, photos, batch_size=1, rounds=len(photos))
    print("| model | mAP (11-point) | mAP (area) | ms/image | MB |\n|---|---|---|---|---|")
    for name, detector in detectors.items():
        result = evaluate_map(detector, data, coco=False).voc
        print(
            f"| {name} | {result.map_11_point:.3f} | {result.map_area:.3f} "
            f"| {times[name]:.1f} | {megabytes(name):.1f} |",
            flush=True,
        )


def main() -> None:
    """Runs the command; wrong arguments lead to its usage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("data", metavar="VOCdevkit", help="a folder in VOC's format")
    add("image_set", help="a name of an image set or a .txt file of ids")
    add("models", nargs="+", metavar="MODEL", help="a detector to compare")
    options = parser.parse_args()
    try:
        compare(options.data, options.image_set, options.models)
    except (ValueError, ImportError, OSError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
