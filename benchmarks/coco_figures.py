"""Prints how long pycocotools and hotcoco take for COCO's figures, and whether they are equal.

python benchmarks/coco_figures.py VOCdevkit/VOC2007 training/holdback.txt ssd_mobilenet_320_voc
"""

import sys
import time

import numpy as np

from keras_ssd.data import load
from keras_ssd.evaluation import evaluate_coco, predict_samples
from keras_ssd.loading import load_detector
from keras_ssd.terminal import print_table

RUNS = 5
OTHER = {"pycocotools": "hotcoco", "hotcoco": "pycocotools"}


def main(source: str, image_set: str, model: str) -> None:
    """Detects once, and measures with each package in turns."""
    detector = load_detector(model)
    data = load(source, image_set, class_names=detector.class_names)
    detections = predict_samples(detector, data)
    seconds = {name: [] for name in OTHER}
    figures = {}
    for _ in range(RUNS):
        for name, other in OTHER.items():
            # A module that is None is one that is not installed.
            hidden = {key: sys.modules.pop(key) for key in list(sys.modules) if other in key}
            sys.modules[other] = None
            began = time.perf_counter()
            figures[name] = evaluate_coco(detections, data)
            seconds[name].append(time.perf_counter() - began)
            sys.modules.pop(other)
            sys.modules.update(hidden)
    rows = [(name, f"{min(times):.3f}", f"{max(times):.3f}") for name, times in seconds.items()]
    print_table(("package", "best of 5, s", "worst, s"), rows, "<>>")
    one, other = (list(values.values()) for values in figures.values())
    print("equal to the last bit:", np.array_equal(one, other, equal_nan=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
