"""Compares this package's decoding and NMS with OpenCV's and, if it is installed, torchvision's.

The input is one image's random raw outputs of an SSD300 (8732 boxes, 20 classes). The rows that say
"whole" start from them: softmax, boxes from offsets, sorting, NMS. The other rows start from the
boxes and scores of the 400 best candidates of each class, and only suppress.

    python benchmarks/nms.py
    python benchmarks/nms.py --threshold 0.3
"""

import argparse
import importlib.util
import os
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import keras
import numpy as np
from machine import today_on_this_machine

from keras_ssd import geometry
from keras_ssd.config import SSD300_VOC
from keras_ssd.default_boxes import default_boxes
from keras_ssd.inference.decoding import DecodingSettings, decode_detections
from keras_ssd.models.layers import DecodeDetections
from keras_ssd.models.nms import non_max_suppression

IOU_THRESHOLD, MAX_DETECTIONS, TOP_K, NUM_CLASSES = 0.45, 200, 400, 20


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threshold", type=float, default=0.01, help="lowest score (default 0.01)")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    offsets, logits = random_outputs()
    candidates = best_candidates(offsets, logits, arguments.threshold)
    programs = {
        f"layer DecodeDetections ({keras.config.backend()}), whole": our_layer(
            offsets, logits, arguments.threshold
        ),
        "NumPy decode_detections, whole": our_decoder(offsets, logits, arguments.threshold),
        f"non_max_suppression ({keras.config.backend()})": our_nms(
            offsets, logits, arguments.threshold
        ),
        "cv2.dnn.NMSBoxesBatched": opencv(*candidates, arguments.threshold),
    }
    if importlib.util.find_spec("torchvision"):
        programs["torchvision.ops.batched_nms"] = torchvision(*candidates)
    times: dict[str, list[float]] = {name: [] for name in programs}
    kept = {name: run() for name, run in programs.items()}  # compiles
    for _ in range(arguments.rounds):
        for name, run in programs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    print(today_on_this_machine())
    print(f"{len(candidates[1])} candidates with a score above {arguments.threshold}\n")
    print("| program | ms/image | ratio | kept |\n|---|---|---|---|")
    first = min(next(iter(times.values())))
    for name, seconds in times.items():
        best = min(seconds)
        print(f"| {name} | {1000 * best:.2f} | {first / best:.2f} | {kept[name]} |")


def random_outputs() -> tuple[np.ndarray, np.ndarray]:
    """Returns offsets (1, N, 4) and logits (1, N, K + 1) as crowded as a detector's at 0.01."""
    rng = np.random.default_rng(0)
    boxes = SSD300_VOC.num_default_boxes
    offsets = rng.normal(0, 1, (1, boxes, 4)).astype(np.float32)
    logits = rng.normal(0, 1.5, (1, boxes, NUM_CLASSES + 1)).astype(np.float32)
    logits[..., 0] += 5  # most boxes are background
    return offsets, logits


def best_candidates(
    offsets: np.ndarray, logits: np.ndarray, threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns corners (M, 4), scores (M,) and labels (M,) of the TOP_K best boxes of each class."""
    e = np.exp(logits[0] - logits[0].max(axis=-1, keepdims=True))
    scores = (e / e.sum(axis=-1, keepdims=True))[:, 1:]
    variances = np.array(SSD300_VOC.variances, np.float32)
    boxes = geometry.decode(offsets[0], default_boxes(SSD300_VOC), variances)
    best = np.argsort(-scores, axis=0, kind="stable")[:TOP_K]  # (TOP_K, K)
    labels = np.broadcast_to(np.arange(NUM_CLASSES), best.shape)
    of_best = np.take_along_axis(scores, best, axis=0)
    above = of_best > threshold
    return boxes[best[above]], of_best[above], labels[above]


def our_layer(offsets: np.ndarray, logits: np.ndarray, threshold: float) -> Callable[[], int]:
    """The Keras layer, from raw outputs to detections, compiled by `predict`'s means."""
    layer = DecodeDetections(SSD300_VOC.variances, threshold, IOU_THRESHOLD, MAX_DETECTIONS, TOP_K)
    return counted(lambda x, y: layer(x, y, default_boxes(SSD300_VOC)), offsets, logits)


def our_nms(offsets: np.ndarray, logits: np.ndarray, threshold: float) -> Callable[[], int]:
    """The package's NMS, from sorted candidates (1, K, T, 4)."""
    e = np.exp(logits[0] - logits[0].max(axis=-1, keepdims=True))
    scores = (e / e.sum(axis=-1, keepdims=True))[:, 1:].T  # (K, N)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :TOP_K]
    variances = np.array(SSD300_VOC.variances, np.float32)
    boxes = geometry.decode(offsets[0], default_boxes(SSD300_VOC), variances)

    def suppress(boxes, scores):
        return non_max_suppression(boxes, scores, threshold, IOU_THRESHOLD, MAX_DETECTIONS)

    return counted(suppress, boxes[best][None], np.take_along_axis(scores, best, axis=1)[None])


def our_decoder(offsets: np.ndarray, logits: np.ndarray, threshold: float) -> Callable[[], int]:
    """The NumPy decoder that serves exported files."""
    settings = DecodingSettings(
        confidence_threshold=threshold,
        iou_threshold=IOU_THRESHOLD,
        max_detections=MAX_DETECTIONS,
        config=SSD300_VOC,
        top_k=TOP_K,
    )
    boxes = default_boxes(SSD300_VOC)
    return lambda: int(decode_detections(offsets[0], logits[0], boxes, settings)["num_detections"])


def opencv(
    boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray, threshold: float
) -> Callable[[], int]:
    """OpenCV's NMS by class, which keeps boxes of equal score in another order than ours."""
    sizes = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1).astype(float)

    def run() -> int:
        kept = cv2.dnn.NMSBoxesBatched(
            sizes, scores.astype(float), labels.astype(np.int32), threshold, IOU_THRESHOLD
        )
        return min(len(kept), MAX_DETECTIONS)

    return run


def torchvision(boxes: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> Callable[[], int]:
    """torchvision's NMS by class; its compiled operators must fit the installed PyTorch."""
    import torch
    from torchvision.ops import batched_nms

    tensors = [torch.from_numpy(np.ascontiguousarray(x)) for x in (boxes, scores, labels)]
    return lambda: min(len(batched_nms(*tensors, IOU_THRESHOLD)), MAX_DETECTIONS)


def counted(function: Callable, *arguments: np.ndarray) -> Callable[[], int]:
    """Compiles a function and returns one that runs it and returns the number of detections."""
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        function = tf.function(function)
    elif keras.config.backend() == "jax":
        import jax

        function = jax.jit(function)
    tensors = [keras.ops.convert_to_tensor(argument) for argument in arguments]

    def run() -> int:
        found = keras.tree.map_structure(keras.ops.convert_to_numpy, function(*tensors))
        return int(found["num_detections"][0])

    return run


if __name__ == "__main__":
    main()
