"""Measures how much an exported detector differs from the original Keras detector.

The measures do not depend on the order of nearly equal scores. Quantization and rounding change
that order, and therefore the boxes that NMS keeps, most of all in a network with little training.
"""

from dataclasses import dataclass, fields

import numpy as np

from keras_ssd import geometry
from keras_ssd.default_boxes import default_boxes
from keras_ssd.formats.raw_outputs import KerasDetector
from keras_ssd.inference.exported import ExportedDetector

_SURE = 100  # the number of an image's best candidates that every format keeps if NMS does
_SHOWN = {"lost": "lost scores"}  # the names of differences in reports
_LEAST_DEVIATION = 0.01  # raw outputs with a smaller standard deviation are nearly constant


class ExportError(ValueError):
    """An exported file that differs too much from the detector."""


@dataclass(frozen=True)
class Differences:
    """The root mean squares of the differences between an exported and the original detector.

    The largest differences would say less: in an image that is not a photo, float16 moved one logit
    by 6, while the root mean square was 4 % of the logits' standard deviation.

    Bounds, the differences that an export may have, are objects of this class too.

    Attributes:
        offsets: the difference of the network's offsets, relative to their standard deviation;
            None if the file only gives detections.
        classes: the same for the logits of the classes.
        boxes: the difference of the coordinates of detections, relative to the image. Each
            detection of the export is compared with the most similar of all candidates that the
            detector has for its class before NMS.
        scores: the difference between the scores of the same pairs.
        lost: the share of its score that the best candidate of a class has lost, for the candidates
            that NMS must keep.
    """

    offsets: float | None
    classes: float | None
    boxes: float
    scores: float
    lost: float

    def exceeding(self, bounds: "Differences") -> list[str]:
        """Returns the names of the differences above their bounds."""
        return [name for name, value in self._measured() if not value <= getattr(bounds, name)]

    def with_bounds(self, bounds: "Differences") -> str:
        """Describes the differences and the bounds that they have."""
        return ", ".join(
            f"{_SHOWN.get(name, name)} {value:.2g} (allowed {getattr(bounds, name):g})"
            for name, value in self._measured()
        )

    def _measured(self):
        values = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return [(name, value) for name, value in values if value is not None]


def compare(detector: KerasDetector, exported: ExportedDetector, images: np.ndarray) -> Differences:
    """Measures how much an exported detector differs from the Keras detector.

    Args:
        detector: the original `Detector`.
        exported: its export, as `load_detector` opens it.
        images: the images to compare on, uint8 RGB (B, S, S, 3), at the network's size.
    """
    ours = detector.ssd.predict(images.astype(np.float32), batch_size=8, verbose=0)
    raw = exported.raw_outputs(images)
    found = exported.predict(images, batch_size=8)
    variances = detector.config.variances
    all_boxes = geometry.clip(
        geometry.decode(ours["offsets"], default_boxes(detector.config), variances)
    )
    all_scores = _softmax(ours["classes"])[..., 1:]
    boxes, scores, lost = [], [], []
    for index, candidates in enumerate(zip(all_boxes, all_scores, strict=True)):
        of_image = {name: value[index] for name, value in found.items()}
        differences = _from_most_similar(of_image, *candidates)
        boxes += [differences[0]]
        scores += [differences[1]]
        lost += [_lost(of_image, candidates[1], detector.confidence_threshold)]
    return Differences(
        offsets=None if raw is None else _relative(raw["offsets"], ours["offsets"]),
        classes=None if raw is None else _relative(raw["classes"], ours["classes"]),
        boxes=_root_mean_square(np.concatenate(boxes)),
        scores=_root_mean_square(np.concatenate(scores)),
        lost=_root_mean_square(np.concatenate(lost)),
    )


def _from_most_similar(found, boxes, scores):
    """Returns how each detection of an image differs from the candidate most similar to it.

    Args:
        found: the detections, as `predict` gives them for one image.
        boxes: (N, 4), the boxes of all candidates.
        scores: (N, K), their scores.

    Returns:
        The largest difference of a coordinate (M,) and the difference of the score (M,).
    """
    rows = range(found["num_detections"])
    of_boxes = [np.abs(boxes - found["boxes"][row]).max(axis=-1) for row in rows]
    of_scores = [np.abs(scores[:, found["labels"][row]] - found["scores"][row]) for row in rows]
    nearest = [np.maximum(*both).argmin() for both in zip(of_boxes, of_scores, strict=True)]
    return tuple(
        np.array([values[index] for values, index in zip(all_values, nearest, strict=True)])
        for all_values in (of_boxes, of_scores)
    )


def _lost(found, scores, threshold):
    """Returns the shares of their scores that the best candidates of an image have lost.

    NMS always keeps the best candidate of a class. So it is found, unless a limit leaves it out:
    `max_detections`, or a file's limit for the candidates of all classes together. Such a limit
    never leaves out one of the 100 best candidates.

    Args:
        found: the detections, as `predict` gives them for one image.
        scores: (N, K), the scores of all candidates.
        threshold: the detector's confidence threshold.
    """
    full = found["num_detections"] == len(found["scores"])
    lowest = max(threshold, found["scores"][-1] if full else 0.0)
    sure = np.sort(scores, axis=None)[-_SURE:][0]
    shares = []
    for label, best in enumerate(scores.max(axis=0)):
        if best >= max(sure, lowest):
            of_class = found["scores"][found["labels"] == label]
            shares.append(max(0.0, 1 - max(lowest, of_class.max(initial=0.0)) / best))
    return np.array(shares)


def _softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def _relative(theirs, ours):
    return _root_mean_square(theirs - ours) / max(float(ours.std()), _LEAST_DEVIATION)


def _root_mean_square(values):
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
