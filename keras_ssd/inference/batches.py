"""Detectors that are not Keras models: `predict` on arrays and data sets, batch by batch."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.inference.thresholds import NAMES
from keras_ssd.terminal import counted


class BatchDetector(ObjectDetector):
    """A detector that is not a Keras model. A subclass defines `_predict_on_batch`.

    Attributes:
        class_names, image_size: as in `ObjectDetector`.
        confidence_threshold, iou_threshold, max_detections: the thresholds, as in
            `keras_ssd.Detector`; None if they are not known. Setting one raises AttributeError
            where it is fixed in an exported file.
    """

    @property
    def confidence_threshold(self) -> float | None:
        return self._threshold("confidence_threshold")

    @confidence_threshold.setter
    def confidence_threshold(self, value: float) -> None:
        self._change_threshold("confidence_threshold", value)

    @property
    def iou_threshold(self) -> float | None:
        return self._threshold("iou_threshold")

    @iou_threshold.setter
    def iou_threshold(self, value: float) -> None:
        self._change_threshold("iou_threshold", value)

    @property
    def max_detections(self) -> int | None:
        return self._threshold("max_detections")

    @max_detections.setter
    def max_detections(self, value: int) -> None:
        self._change_threshold("max_detections", value)

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Detects objects in one batch; see `ObjectDetector.predict_on_batch`.

        Raises:
            ValueError: the batch is empty, or not uint8 (B, H, W, 3).
        """
        return self._predict_on_batch(checked_images(images))

    def predict(
        self, images: np.ndarray | Iterable[np.ndarray], batch_size: int = 32
    ) -> dict[str, np.ndarray]:
        """Detects objects in one array, or in all batches of a data set.

        Args:
            images: an array (B, H, W, 3), or arrays of that kind, one for each batch.
            batch_size: the number of images of one array that are run at once. A data set keeps
                its own batches.

        Returns:
            The dictionary of `predict_on_batch`.

        Raises:
            ValueError: a batch is empty or not uint8 (B, H, W, 3), or the batch size is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size: expected 1 or more, not {batch_size}")
        batches: Iterable[np.ndarray] = images
        if isinstance(images, np.ndarray):
            starts = range(0, len(checked_images(images)), batch_size)
            batches = (images[start : start + batch_size] for start in starts)
        found = [self.predict_on_batch(batch) for batch in batches]
        if not found:
            raise ValueError("images: expected at least one")
        return {name: np.concatenate([part[name] for part in found]) for name in found[0]}

    def _thresholds(self) -> Any:
        """Returns an object with the three thresholds as attributes, or None."""
        return None

    def _threshold(self, name):
        thresholds = self._thresholds()
        return None if thresholds is None else getattr(thresholds, name)

    def _change_threshold(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"{name}: it is fixed in {self}; export the detector again with another value"
        )

    def _described(self, source: str) -> str:
        """Returns one line about the detector: its kind, source, classes, size and thresholds."""
        parts = [
            repr(source),
            counted(len(self.class_names), "class", "classes"),
            f"image_size {self.image_size}",
        ]
        if self._thresholds() is not None:
            parts += [f"{name} {self._threshold(name):g}" for name in NAMES]
        return f"{type(self).__name__}({', '.join(parts)})"

    def _predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Predicts for images that have been checked. Several threads may call it at once."""
        raise NotImplementedError


def checked_images(images: np.ndarray) -> np.ndarray:
    """Returns the images as an array, if they are uint8 (B, H, W, 3).

    Raises:
        ValueError: they are something else, or there are none.
    """
    images = np.asarray(images)
    if images.ndim > 0 and len(images) == 0:
        raise ValueError("images: expected at least one")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or not images.size:
        raise ValueError(f"images: expected uint8 (B, H, W, 3), not {images.dtype} {images.shape}")
    return images
