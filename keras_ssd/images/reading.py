"""Reads image files and encoded images as RGB arrays."""

import stat
from pathlib import Path

import numpy as np

from keras_ssd.images import pillow
from keras_ssd.images.headers import stated_size
from keras_ssd.images.limits import CorruptImageError, check_pixels, max_pixels
from keras_ssd.images.opencv import cv2

_MAX_BYTES_A_PIXEL = 8  # four channels of 16 bits, not compressed


def read_image(path: str | Path) -> np.ndarray:
    """Reads an image file; see `decode_image`.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        CorruptImageError: the file cannot be read, or is not an image; the message names the path.
    """
    return decode_image(read_bytes(path), name=str(path))


def read_bytes(path: str | Path) -> bytes:
    """Reads the bytes of an image file.

    Raises:
        CorruptImageError: the file cannot be read, or is too large for an image.
    """
    try:
        _check_file(Path(path).stat(), path)
        return Path(path).read_bytes()
    except CorruptImageError:
        raise
    except (OSError, ValueError) as error:  # ValueError: the path contains a null byte
        reason = getattr(error, "strerror", None) or error
        raise CorruptImageError(f"{path}: {reason}") from error


def _check_file(status, path):
    if stat.S_ISDIR(status.st_mode):
        raise CorruptImageError(f"{path}: expected an image file, but it is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise CorruptImageError(f"{path}: expected an image file, but it is not a regular file")
    if status.st_size > _MAX_BYTES_A_PIXEL * max_pixels():
        raise CorruptImageError(f"{path}: too large for an image ({status.st_size} bytes)")


def decode_image(data: bytes, name: str) -> np.ndarray:
    """Decodes an image to RGB.

    OpenCV decodes JPEG, PNG and WebP. Pillow, where it is installed, decodes AVIF, BMP, GIF,
    JPEG 2000, PNM and TIFF, and HEIC with pillow-heif. The first frame of an animation is taken.

    Grayscale, palettes and CMYK become RGB, transparency is dropped, 16 bits become 8, and the
    EXIF orientation is applied.

    Args:
        data: the encoded image.
        name: what error messages call the image.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        CorruptImageError: the data is empty, cut off, damaged or not an image, or the image has
            more pixels than `keras_ssd.images.limits.max_pixels` allows, which is checked before
            it is decoded.
    """
    if not data:
        raise CorruptImageError(f"{name}: the image is empty (0 bytes)")
    try:
        size = stated_size(data)
    except ValueError as error:
        raise CorruptImageError(f"{name}: {error}") from error
    if size is None:
        return pillow.decode(data, name)
    check_pixels(*size, name)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise CorruptImageError(f"{name}: OpenCV cannot decode it ({error.err})") from error
    if image is None:
        raise CorruptImageError(f"{name}: the image is damaged; OpenCV cannot decode it")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, image)
