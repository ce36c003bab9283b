"""Computes what happens to one photo in an SSD, so that each step can be drawn."""

from dataclasses import dataclass

import keras
import numpy as np
from keras import ops

from keras_ssd import geometry
from keras_ssd.config import SSDConfig
from keras_ssd.data.matching import encode_targets, match
from keras_ssd.default_boxes import default_boxes
from keras_ssd.detector import Detector
from keras_ssd.images import resize_image
from keras_ssd.losses import HardNegativeCrossentropy
from keras_ssd.models.ssd import SSD


@dataclass(frozen=True, kw_only=True)
class Objects:
    """What training makes of the photo's annotated objects. There are N default boxes.

    Attributes:
        boxes: float32 (M, 4), relative corners.
        labels: int32 (M,).
        overlaps: float32 (M, N), the IoU of each object with each default box.
        matches: int32 (N,), the object of each default box, or -1 for background.
        is_best: bool (N,), whether a default box has its object because it is the best one for it,
            even if their IoU is low.
        offsets: float32 (N, 4), the offsets that the network should give; 0 for background.
        losses: float32 (N,), the cross entropy of each default box.
        is_mined: bool (N,), the negatives with the highest losses, which training keeps.
    """

    boxes: np.ndarray
    labels: np.ndarray
    overlaps: np.ndarray
    matches: np.ndarray
    is_best: np.ndarray
    offsets: np.ndarray
    losses: np.ndarray
    is_mined: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Followed:
    """A photo on its way through an SSD with N default boxes and K classes.

    Attributes:
        image: uint8 RGB (H, W, 3), the photo.
        pixels: uint8 RGB (S, S, 3), what the network sees.
        class_names: the K class names.
        config: the SSDConfig of the SSD.
        maps: the mean activation of each feature map, float32 (G, G).
        default_boxes: float32 (N, 4), relative (cx, cy, w, h).
        map_of: int (N,), the index of the map that each default box belongs to.
        offsets: float32 (N, 4), the predicted offsets.
        scores: float32 (N, K + 1), the scores, background first.
        decoded: float32 (N, 4), the predicted boxes, relative corners.
        candidates: int (C, 2), the default box and the label of each score above the confidence
            threshold, best first.
        dropped_by: int (C,), the index of the candidate by which NMS drops each one, or -1 if it is
            kept.
        confidence_threshold, iou_threshold: the thresholds.
        objects: what training would make of the annotated objects, or None without annotations.
    """

    image: np.ndarray
    pixels: np.ndarray
    class_names: tuple[str, ...]
    config: SSDConfig
    maps: list[np.ndarray]
    default_boxes: np.ndarray
    map_of: np.ndarray
    offsets: np.ndarray
    scores: np.ndarray
    decoded: np.ndarray
    candidates: np.ndarray
    dropped_by: np.ndarray
    confidence_threshold: float
    iou_threshold: float
    objects: Objects | None


def follow(
    detector: Detector,
    image: np.ndarray,
    boxes: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    *,
    confidence_threshold: float = 0.3,
) -> Followed:
    """Runs a detector on a photo and keeps what happens in between.

    Args:
        detector: the detector.
        image: uint8 RGB (H, W, 3).
        boxes: float32 (M, 4), relative corners of the annotated objects, or None.
        labels: int32 (M,), their classes, or None.
        confidence_threshold: the score that a candidate must exceed.
    """
    config, iou_threshold = detector.config, detector.iou_threshold
    pixels = resize_image(image, config.image_size)
    maps, offsets, logits = _outputs(detector.ssd, pixels)
    all_default_boxes = default_boxes(config)
    scores = ops.convert_to_numpy(ops.softmax(logits))
    decoded = geometry.decode(offsets, all_default_boxes, config.variances)
    candidates, dropped_by = _suppressed(decoded, scores, confidence_threshold, iou_threshold)
    counts = [len(one.box_sizes) * one.grid**2 for one in config.feature_maps]
    return Followed(
        image=image,
        pixels=pixels,
        class_names=detector.class_names,
        config=config,
        maps=maps,
        default_boxes=all_default_boxes,
        map_of=np.repeat(np.arange(len(counts)), counts),
        offsets=offsets,
        scores=scores,
        decoded=decoded,
        candidates=candidates,
        dropped_by=dropped_by,
        confidence_threshold=confidence_threshold,
        iou_threshold=iou_threshold,
        objects=None
        if boxes is None
        else _objects(boxes, labels, all_default_boxes, config.variances, scores),
    )


def _outputs(ssd: SSD, pixels):
    """Returns the mean activation of each feature map, the offsets and the logits."""
    tensors = [_input_of_head(ssd, number) for number in range(1, len(ssd.config.feature_maps) + 1)]
    model = keras.Model(ssd.input, {"maps": tensors, **ssd.output})
    outputs = model(pixels[None].astype(np.float32), training=False)
    means = [ops.convert_to_numpy(one).astype(np.float32)[0].mean(-1) for one in outputs["maps"]]
    offsets, logits = (ops.convert_to_numpy(outputs[name])[0] for name in ("offsets", "classes"))
    return means, offsets, logits


def _input_of_head(ssd, number):
    """Returns the feature map that a head predicts from."""
    name = f"head{number}_classes"
    names = [layer.name for layer in ssd.layers]
    return ssd.get_layer(f"{name}_depthwise" if f"{name}_depthwise" in names else name).input


def _suppressed(decoded, scores, confidence_threshold, iou_threshold):
    """Greedy NMS of each class; tells by which box each candidate is dropped."""
    candidates = np.argwhere(scores[:, 1:] > confidence_threshold)
    order = np.argsort(-scores[candidates[:, 0], candidates[:, 1] + 1], kind="stable")
    candidates = candidates[order]
    dropped_by = np.full(len(candidates), -1)
    for index, (box, label) in enumerate(candidates):
        earlier = np.flatnonzero((candidates[:index, 1] == label) & (dropped_by[:index] < 0))
        overlaps = geometry.iou(decoded[None, box], decoded[candidates[earlier, 0]])[0]
        if (overlaps > iou_threshold).any():
            dropped_by[index] = earlier[overlaps.argmax()]
    return candidates, dropped_by


def _objects(boxes, labels, all_default_boxes, variances, scores) -> Objects:
    corners = geometry.centers_to_corners(all_default_boxes)
    targets = encode_targets(boxes, labels, all_default_boxes, variances)
    classes = targets["classes"].numpy()
    losses = -np.log(np.maximum(scores[np.arange(len(scores)), classes], 1e-12))
    negative = np.where(classes == 0, losses, -1.0)
    ratio = HardNegativeCrossentropy().negative_ratio
    kept = np.argsort(-negative, kind="stable")[: int(ratio * (classes > 0).sum())]
    is_mined = np.zeros(len(classes), bool)
    is_mined[kept] = negative[kept] >= 0
    matches = match(boxes, corners).numpy()
    overlaps = geometry.iou(boxes, corners)
    # The box that an object gets in the first step is the best of all that it gets.
    is_best = np.zeros(len(classes), bool)
    for index in range(len(boxes)):
        own = np.flatnonzero(matches == index)
        if len(own):
            is_best[own[overlaps[index, own].argmax()]] = True
    return Objects(
        boxes=boxes,
        labels=labels,
        overlaps=overlaps,
        matches=matches,
        is_best=is_best,
        offsets=targets["offsets"].numpy()[:, :4],
        losses=losses,
        is_mined=is_mined,
    )
