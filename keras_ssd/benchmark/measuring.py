"""Measures one detector, in a process of its own."""

import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_ssd.benchmark.variants import Candidate
from keras_ssd.formats.exporting import drawn_images
from keras_ssd.images import resize_image
from keras_ssd.loading import load_detector

if TYPE_CHECKING:
    from keras_ssd.data import AnnotatedImages

BATCH = 8  # images, for the throughput
_WARM_UPS = 3
_ROUNDS, _SECONDS = 50, 10.0  # the number of rounds that are timed, unless they take too long
_FEWEST = 5
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Measured:
    """What was measured of a detector on one runtime.

    Attributes:
        name: the names of the runtime and the precision.
        milliseconds: the median time from one uint8 image at the network's size to its detections.
        images_per_second: the number of images in batches of 8 that are run in a second.
        memory: the largest memory of a process that does only this, in MB (1,000,000 bytes); None
            if the system does not tell it. mAP is measured afterwards.
        megabytes: the size of the file in MB.
        mean_ap: the mAP (VOC, 11-point) on the data, or None if it was not measured.
    """

    name: str
    milliseconds: float
    images_per_second: float
    memory: float | None
    megabytes: float
    mean_ap: float | None = None


def measure(candidate: Candidate, data: "AnnotatedImages | None" = None) -> Measured:
    """Measures a candidate.

    Args:
        candidate: the candidate.
        data: the images to measure mAP on, or None.
    """
    detector = load_detector(candidate.model, **candidate.variant.options)
    images = np.stack(_images(detector.image_size, data))
    one = _median_seconds(lambda: detector.predict_on_batch(images[:1]))
    batch = _median_seconds(lambda: detector.predict_on_batch(images[:BATCH]))
    memory = peak_memory()
    mean_ap = None
    if data is not None and candidate.with_map:
        from keras_ssd.evaluation import evaluate_map

        mean_ap = evaluate_map(detector, data, coco=False).voc.map_11_point
    return Measured(
        name=candidate.variant.name,
        milliseconds=1000 * one,
        images_per_second=BATCH / batch,
        memory=memory,
        megabytes=candidate.megabytes,
        mean_ap=mean_ap,
    )


def peak_memory() -> float | None:
    """Returns the largest memory that this process had, in MB, or None if the system hides it."""
    try:  # Linux; `getrusage` would count the process that started this one
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / _MEGABYTE
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest * (1 if sys.platform == "darwin" else 1024) / _MEGABYTE


def _images(size, data):
    """Returns 8 images at the network's size: of the data, or drawn ones."""
    if data is None:
        return drawn_images(size)[:BATCH]
    chosen = np.linspace(0, len(data) - 1, BATCH).round().astype(int)
    return [resize_image(data[int(place)].read_image(), size) for place in chosen]


def _median_seconds(run):
    for _ in range(_WARM_UPS):
        run()
    seconds, start = [], time.perf_counter()
    while len(seconds) < _ROUNDS:
        before = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - before)
        if len(seconds) >= _FEWEST and time.perf_counter() - start > _SECONDS:
            break
    return statistics.median(seconds)
