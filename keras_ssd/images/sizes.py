"""The size of an image without decoding it."""

import io
from pathlib import Path

from keras_ssd.images.headers import stated_size
from keras_ssd.images.limits import CorruptImageError, check_pixels
from keras_ssd.images.pillow import ORIENTATION_TAG
from keras_ssd.images.reading import decode_image, read_bytes


def image_size(path: str | Path) -> tuple[int, int]:
    """Returns the (height, width) in pixels of the image that `read_image` would return.

    For JPEG, PNG and WebP the header is read, and the file is checked to be whole.

    Raises:
        CorruptImageError: the file cannot be read, is cut off, or is not an image.
    """
    data = read_bytes(path)
    try:
        size = stated_size(data)
    except ValueError as error:
        raise CorruptImageError(f"{path}: {error}") from error
    if size is None:
        height, width = decode_image(data, name=str(path)).shape[:2]
        return height, width
    check_pixels(*size, str(path))
    width, height = size
    return (width, height) if exif_orientation(data) >= 5 else (height, width)


def exif_orientation(data: bytes) -> int:
    """Returns the EXIF orientation of an encoded image, which says how to turn or mirror it.

    Returns:
        1 if the image is upright, or nothing is known about it; 2 to 4 if turning or mirroring
        keeps the size; 5 to 8 if width and height change places.
    """
    if b"Exif" not in data and b"eXIf" not in data and b"EXIF" not in data:
        return 1  # quicker than asking Pillow
    try:
        from PIL import Image

        orientation = Image.open(io.BytesIO(data)).getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # damaged files make Pillow raise errors of many kinds
        return 1
    return orientation if orientation in range(1, 9) else 1
