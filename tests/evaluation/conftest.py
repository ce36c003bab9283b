"""Fixtures for the tests of evaluation: images of boxes, random detections, and a result."""

from pathlib import Path

import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample
from keras_ssd.evaluation.voc import ClassResult, VOCResult
from keras_ssd.results.detections import Detections

NAMES = ("cat", "dog", "bird")
HEIGHT, WIDTH = 480, 640


@pytest.fixture(scope="package")
def objects_in():
    """Makes an image of 640 x 480 pixels from its objects: (label, box) or (label, box, True)."""

    def make(id, *objects):
        boxes = np.array([entry[1] for entry in objects], np.float32).reshape(-1, 4)
        return Sample(
            id=id,
            image=Path(f"{id}.jpg"),
            size=(HEIGHT, WIDTH),
            boxes=boxes / np.array([WIDTH, HEIGHT, WIDTH, HEIGHT], np.float32),
            labels=np.array([entry[0] for entry in objects], np.int32),
            difficult=np.array([len(entry) > 2 for entry in objects], bool),
        )

    return make


@pytest.fixture(scope="package")
def found_in():
    """Makes the detections in an image from (label, box, score)."""

    def make(id, *found, class_names=NAMES):
        boxes = np.array([entry[1] for entry in found], np.float32).reshape(-1, 4)
        labels = np.array([entry[0] for entry in found], np.int32)
        scores = np.array([entry[2] for entry in found], np.float32)
        return Detections(id, (HEIGHT, WIDTH), boxes, labels, scores, class_names)

    return make


@pytest.fixture(scope="package")
def random_data(objects_in, found_in):
    """Makes (detections, data) by a seed: misplaced, misnamed, doubled and invented detections."""

    def make(seed, class_names=NAMES, num_images=15):
        random = np.random.default_rng(seed)
        samples, detections = [], []
        for index in range(num_images):
            objects, found = [], []
            for _ in range(random.integers(0, 6)):
                low = random.integers(0, 300, 2)
                box = np.concatenate([low, low + random.integers(8, 180, 2)])
                label = int(random.integers(0, len(class_names)))
                objects.append((label, box, True) if random.random() < 0.2 else (label, box))
                for _ in range(random.integers(0, 4)):
                    near = box + random.integers(-20, 21, 4)
                    near[2:] = np.maximum(near[2:], near[:2] + 1)
                    if random.random() < 0.2:
                        label = int(random.integers(0, len(class_names)))
                    found.append((label, near, random.random()))
            corner = random.integers(300, 400, 2)
            found.append((0, np.concatenate([corner, corner + 60]), random.random()))
            samples.append(objects_in(str(index), *objects))
            detections.append(found_in(str(index), *found, class_names=class_names))
        return detections, AnnotatedImages(samples, class_names)

    return make


@pytest.fixture(scope="package")
def voc_result():
    """The result of a class that is found, of one that is missed, and of one without objects."""
    found = ClassResult(
        name="potted plant",
        num_objects=6,
        num_detections=8,
        ap_11_point=0.5151515,
        ap_area=0.5277777,
        recall=np.array([1, 1, 2, 3, 3, 4, 4]) / 6,
        precision=np.array([1, 1 / 2, 2 / 3, 3 / 4, 3 / 5, 4 / 6, 4 / 7]),
        scores=np.linspace(0.9, 0.3, 7),
    )
    nothing, nan = np.zeros(0), float("nan")
    missed = ClassResult("cat", 3, 0, 0.0, 0.0, nothing, nothing, nothing)
    without_objects = ClassResult(
        "dog", 0, 2, nan, nan, np.full(2, np.nan), np.zeros(2), np.full(2, 0.5)
    )
    return VOCResult((found, missed, without_objects))
