"""A second NMS after that of a detector, because the IoU of an exported file is often fixed."""

import numpy as np

from keras_ssd.inference.decoding import not_suppressed, padded
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.inference.thresholds import ThresholdSettings

_NAMES = ("boxes", "labels", "scores", "num_detections")


class StricterNMS(ObjectDetector):
    """A detector that does NMS again on the boxes of another detector, with a lower IoU.

    An IoU that is not below the other detector's changes nothing. After a lower one a few boxes can
    be missing that a single NMS would keep: those that the other detector dropped in favor of a box
    which is now dropped itself.

    Args:
        detector: any kind of detector.
        iou_threshold: the largest IoU of two kept boxes of a class, from 0 to 1.
    """

    def __init__(self, detector: ObjectDetector, iou_threshold: float):
        self.class_names, self.image_size = detector.class_names, detector.image_size
        self._detector, self._iou_threshold = detector, iou_threshold

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        prediction = self._detector.predict_on_batch(images)
        values = [np.asarray(prediction[name]) for name in _NAMES]
        limit = values[2].shape[1]
        settings = ThresholdSettings(0.0, self._iou_threshold, limit)
        of_images = []
        for boxes, labels, scores, count in zip(*values, strict=True):
            rows = not_suppressed(boxes[:count], labels[:count], settings)
            of_images.append(padded(boxes[rows], labels[rows], scores[rows], limit))
        return {name: np.stack([one[name] for one in of_images]) for name in _NAMES}
