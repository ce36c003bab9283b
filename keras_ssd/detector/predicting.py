"""Predictions of a Keras detector: Keras's methods, on images that are checked first."""

from typing import Any

import keras
import numpy as np

from keras_ssd.inference.batches import checked_images


class ChecksItsImages:
    """The methods of a Keras model that predict, for a model that takes uint8 images.

    Images of another dtype would be black or garbled without a word, because Keras casts them.
    """

    def __call__(self, images: Any, *args: Any, **kwargs: Any) -> Any:
        _check_dtype(images)
        return super().__call__(images, *args, **kwargs)  # type: ignore[misc]

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> dict[str, np.ndarray]:
        """Keras's `predict`, on uint8 RGB images (B, H, W, 3) or batches of them."""
        if isinstance(x, np.ndarray):
            _check_dtype(x)
            x = checked_images(x)
        return super().predict(x, *args, **kwargs)  # type: ignore[misc]

    def predict_on_batch(self, x: Any) -> dict[str, np.ndarray]:
        """Keras's `predict_on_batch`, on uint8 RGB images (B, H, W, 3)."""
        _check_dtype(x)
        return super().predict_on_batch(checked_images(x))  # type: ignore[misc]


def _check_dtype(images):
    dtype = keras.backend.standardize_dtype(getattr(images, "dtype", "uint8"))
    if dtype != "uint8":
        raise ValueError(
            f"images: expected uint8 RGB (B, H, W, 3) in 0..255, not {dtype}; multiply pixels in "
            "0..1 by 255 and cast them"
        )
