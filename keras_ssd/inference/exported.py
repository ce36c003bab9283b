"""Detectors outside Keras that are used like the Keras detector that they were exported from."""

from collections.abc import Iterable

import numpy as np


class ExportedDetector:
    """An exported detector, loaded back. Subclasses add `predict_on_batch`.

    Attributes:
        class_names: K foreground names, which the labels count through.
        image_size: side in pixels of the square images that the network within works on.
    """

    class_names: tuple[str, ...]
    image_size: int

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """What it finds in uint8 RGB images (B, H, W, 3).

        Returns:
            "boxes" (B, D, 4), "labels" (B, D), "scores" (B, D) and "num_detections" (B,), as
            `build_detector` describes them.
        """
        raise NotImplementedError

    def predict(self, images: np.ndarray | Iterable, **_keras_options) -> dict[str, np.ndarray]:
        """As `predict_on_batch`, on one array or on all batches of a data set.

        Keras's own options, such as `verbose`, are taken and have no effect.
        """
        batches = [images] if isinstance(images, np.ndarray) else images
        found = [self.predict_on_batch(np.asarray(batch)) for batch in batches]
        return {name: np.concatenate([part[name] for part in found]) for name in found[0]}
