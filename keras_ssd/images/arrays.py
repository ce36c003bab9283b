"""Images as arrays: which values are accepted as an image, and how an image is resized."""

from typing import Any

import numpy as np

from keras_ssd.files import is_pil_image
from keras_ssd.images import pillow
from keras_ssd.images.opencv import cv2


def checked_image(
    image: Any, name: str, *, expected: str = "an RGB uint8 array (H, W, 3) or a PIL image"
) -> np.ndarray:
    """Returns the image, an RGB uint8 array (H, W, 3) with pixels or a PIL image, as an array.

    Args:
        image: an array, which is returned as it is, or a PIL image, which is converted: to RGB,
            with its EXIF orientation applied.
        name: what error messages call the image.
        expected: the kinds of values that error messages name as expected.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        ValueError: the image is neither.
        CorruptImageError: PIL cannot decode the image, or the image has too many pixels.

    Examples:
        >>> checked_image(np.zeros((480, 640, 3)), "image")
        Traceback (most recent call last):
        ValueError: image: expected an RGB uint8 array (H, W, 3) or a PIL image, \
not float64 (480, 640, 3)
    """
    if is_pil_image(image):
        return pillow.to_rgb(image, name)
    if not isinstance(image, np.ndarray):
        raise ValueError(f"{name}: expected {expected}, not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"{name}: expected {expected}, not {image.dtype} {image.shape}")
    return image


def resize_image(image: np.ndarray, size: int) -> np.ndarray:
    """Warps an image (H, W, 3) to (size, size, 3), bilinear, as SSD does at test time."""
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
