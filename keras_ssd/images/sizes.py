"""The size of an image without decoding it."""

import io
from pathlib import Path

from keras_ssd.images.headers import stated_size
from keras_ssd.images.limits import CorruptImageError, check_pixels
from keras_ssd.images.reading import decode_image, read_bytes

_ORIENTATION = 0x0112  # a tag of EXIF


def image_size(path: str | Path) -> tuple[int, int]:
    """The (height, width) in pixels that `read_image` returns.

    Of JPEG, PNG and WebP only the header is read, and whether the file is whole.

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
    """How the EXIF data of an encoded image say that it is to be turned or mirrored.

    Returns:
        1 where nothing is to be done, or where that is not known; 2 to 4 where the size stays;
        5 to 8 where width and height change places.
    """
    if b"Exif" not in data and b"eXIf" not in data and b"EXIF" not in data:
        return 1  # which is quicker than to ask Pillow
    try:
        from PIL import Image

        orientation = Image.open(io.BytesIO(data)).getexif().get(_ORIENTATION, 1)
    except Exception:  # damaged files make Pillow raise errors of many kinds
        return 1
    return orientation if orientation in range(1, 9) else 1
