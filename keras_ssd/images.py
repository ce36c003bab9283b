"""Encoded image files <-> RGB arrays, with OpenCV."""

import re
from pathlib import Path

import cv2
import numpy as np

from keras_ssd.files import replace_file


class CorruptImageError(ValueError):
    """An image that cannot be read; the message names it."""


def read_image(path: str | Path) -> np.ndarray:
    """The image in a file as RGB uint8 (H, W, 3); see `decode_image`."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise CorruptImageError(f"{path}: {error.strerror or error}") from error
    return decode_image(data, name=str(path))


def decode_image(data: bytes, name: str) -> np.ndarray:
    """Decodes a JPEG, PNG or other format that OpenCV knows.

    Grayscale becomes RGB, transparency is dropped, 16 bits become 8, and the EXIF orientation
    is applied.

    Args:
        data: the encoded image.
        name: what error messages call it.

    Returns:
        RGB uint8 (H, W, 3).

    Raises:
        CorruptImageError: the data is empty, cut off or no image.
    """
    if not data:
        raise CorruptImageError(f"{name}: the image is empty (0 bytes)")
    if _is_cut_off(data):
        raise CorruptImageError(f"{name}: the image is cut off before its end")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise CorruptImageError(f"{name}: OpenCV cannot decode it ({error.err})") from error
    if image is None:
        raise CorruptImageError(f"{name}: not an image that OpenCV can decode")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def checked_image(
    image, name: str, *, expected: str = "an RGB uint8 array (H, W, 3)"
) -> np.ndarray:
    """The image, if it is an RGB uint8 array (H, W, 3) with pixels.

    Raises:
        ValueError: it is none; `name` and `expected` are what the message says of it.
    """
    if not isinstance(image, np.ndarray):
        raise ValueError(f"{name}: expected {expected}, not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"{name}: expected {expected}, not {image.dtype} {image.shape}")
    return image


def resize_image(image: np.ndarray, size: int) -> np.ndarray:
    """Warps an image to (size, size, 3), bilinear, as SSD does at test time."""
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)


def write_png(image: np.ndarray, path: str | Path) -> None:
    """Writes RGB uint8 (H, W, 3) as PNG, complete or not at all."""
    # Not cv2.imwrite, which on Windows garbles names beyond ASCII and reports no failure.
    _, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    replace_file(path, lambda unfinished: unfinished.write_bytes(data))


# A JPEG marker; 0xff before 0x00, 0xff or 0xd0 to 0xd7 stands inside a scan's data.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_PNG_END = b"IEND\xaeB`\x82"


def _is_cut_off(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end, which OpenCV would fill with gray and not mention."""
    if data.startswith(b"\xff\xd8"):
        return not _reaches_the_end_marker(data)
    if data.startswith(b"\x89PNG"):
        return _PNG_END not in data
    return False


def _reaches_the_end_marker(jpeg: bytes) -> bool:
    """Walks segment by segment: thumbnails inside and videos behind hold markers of their own."""
    position = 2
    while marker := _JPEG_MARKER.search(jpeg, position):
        if marker[0] == b"\xff\xd9":
            return True
        length = int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
        position = marker.end() + length
    return False
