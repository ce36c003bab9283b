"""Predictions of a Keras detector: Keras's methods, with checked images and a lock for threads."""

import threading
from typing import Any

import keras
import numpy as np

from keras_ssd.inference.batches import checked_images


class PredictsSafely:
    """The methods of a Keras model that predict, for a model that takes uint8 images.

    Images of another dtype are refused: Keras would cast them, and pixels in 0..1 become black.

    Threads may share the model: one at a time predicts, because on JAX Keras's predictions take
    the weights' buffers from each other.

    Attributes:
        predicting: the lock that a thread holds while it predicts.
    """

    predicting: threading.RLock

    def __call__(self, images: Any, *args: Any, **kwargs: Any) -> Any:
        _check_dtype(images)
        return super().__call__(images, *args, **kwargs)  # type: ignore[misc]

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        """Keras's `predict`, on uint8 RGB images (B, H, W, 3) or batches of them."""
        if isinstance(x, np.ndarray):
            _check_dtype(x)
            x = checked_images(x)
        with self.predicting:
            return super().predict(x, *args, **kwargs)  # type: ignore[misc]

    def predict_on_batch(self, x: Any) -> dict[str, np.ndarray]:
        """Keras's `predict_on_batch`, on uint8 RGB images (B, H, W, 3)."""
        _check_dtype(x)
        with self.predicting:
            return super().predict_on_batch(checked_images(x))  # type: ignore[misc]


def _check_dtype(images):
    dtype = keras.backend.standardize_dtype(getattr(images, "dtype", "uint8"))
    if dtype != "uint8":
        raise ValueError(
            f"images: expected uint8 RGB (B, H, W, 3) in 0..255, not {dtype}; multiply pixels in "
            "0..1 by 255 and cast them"
        )
