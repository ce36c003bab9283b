"""Detectors outside Keras that are used like the Keras detector that they were exported from."""

from collections.abc import Iterable

import numpy as np


class ExportedDetector:
    """An exported detector, loaded back. Subclasses add `_predict_on_batch`.

    Attributes:
        class_names: K foreground names, which the labels count through.
        image_size: side in pixels of the square images that the network within works on.
    """

    class_names: tuple[str, ...]
    image_size: int

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """What it finds in uint8 RGB images (B, H, W, 3) of any size, run all at once.

        Returns:
            "boxes" (B, D, 4), "labels" (B, D), "scores" (B, D) and "num_detections" (B,), as
            `build_detector` describes them.

        Raises:
            ValueError: the images are none, or of another dtype or shape.
        """
        return self._predict_on_batch(_checked(images))

    def predict(
        self, images: np.ndarray | Iterable, batch_size: int = 32, **_keras_options
    ) -> dict[str, np.ndarray]:
        """As `predict_on_batch`, on one array or on all batches of a data set.

        Args:
            images: an array (B, H, W, 3), or arrays of that kind, a batch each.
            batch_size: images of one array that are run at once; a data set keeps its own batches.
            _keras_options: Keras's own, such as `verbose`, which have no effect.

        Raises:
            ValueError: as `predict_on_batch`, or the batch size is below 1.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size: expected 1 or more, not {batch_size}")
        if isinstance(images, np.ndarray):
            starts = range(0, len(_checked(images)), batch_size)
            batches = (images[start : start + batch_size] for start in starts)
        else:
            batches = images
        found = [self.predict_on_batch(batch) for batch in batches]
        if not found:
            raise ValueError("images: expected at least one")
        return {name: np.concatenate([part[name] for part in found]) for name in found[0]}

    def _predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """`predict_on_batch` of images that have been checked."""
        raise NotImplementedError


def read_labels(text: str) -> tuple[str, ...]:
    r"""The names in a text that holds one a line, as `labels_text` of the exports writes it.

    Only "\n" ends a line: a name may hold what else `str.splitlines` splits at.
    """
    return tuple(text.removesuffix("\n").split("\n"))


def last_line(error: Exception) -> str:
    """Of a runtime's message, whose lines before are often places in its source."""
    return str(error).strip().rpartition("\n")[2]


def _checked(images):
    """The images as an array, if they are uint8 (B, H, W, 3); else raises ValueError."""
    images = np.asarray(images)
    if images.ndim > 0 and len(images) == 0:
        raise ValueError("images: expected at least one")
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3 or not images.size:
        raise ValueError(f"images: expected uint8 (B, H, W, 3), not {images.dtype} {images.shape}")
    return images
