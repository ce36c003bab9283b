"""Images that need Pillow: the formats that OpenCV does not decode well, and PIL's own images.

Pillow is imported inside the functions that need it: JPEG, PNG and WebP are read without it.
"""

import io
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from keras_ssd.images.limits import (
    HOW_TO_RAISE,
    MAX_PIXELS,
    CorruptImageError,
    check_pixels,
    max_pixels,
)

if TYPE_CHECKING:
    from PIL import Image

_FORMATS = ("AVIF", "BMP", "GIF", "JPEG2000", "PPM", "TIFF")
ORIENTATION_TAG = 0x0112  # of EXIF
_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 0x0142, 0x0143


def decode(data: bytes, name: str) -> np.ndarray:
    """Decodes AVIF, BMP, GIF, JPEG 2000, PNM and TIFF to RGB uint8 (H, W, 3).

    Raises:
        CorruptImageError: the image has another format, is damaged or is too large; or Pillow is
            not installed.
    """
    return to_rgb(_opened(data, name), name)


def is_animated(file: BinaryIO) -> bool:
    """Whether an open GIF file has more than one picture; False if that cannot be found out."""
    try:
        from PIL import Image

        return bool(getattr(Image.open(file, formats=("GIF",)), "is_animated", False))
    except Exception:  # damaged files make Pillow raise errors of many kinds
        return False


def _opened(data, name):
    """Returns the PIL image, which is not decoded yet."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise CorruptImageError(
            f"{name}: not a JPEG, PNG or WebP image; other formats need Pillow: pip install pillow"
        ) from error
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels() > MAX_PIXELS:
        # The user asked for larger images than Pillow reads.
        Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS, max_pixels())
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
        tags = image.tag_v2 if image.format == "TIFF" else {}
        tile = int(tags.get(_TIFF_TILE_WIDTH, 1)), int(tags.get(_TIFF_TILE_HEIGHT, 1))
    except UnidentifiedImageError as error:
        raise CorruptImageError(
            f"{name}: not an image that can be decoded (formats: JPEG, PNG, WebP, "
            f"{', '.join(_FORMATS)})"
        ) from error
    except Image.DecompressionBombError as error:
        raise CorruptImageError(f"{name}: {error} ({HOW_TO_RAISE})") from error
    except Exception as error:  # damaged files make Pillow raise errors of many kinds
        raise CorruptImageError(f"{name}: Pillow cannot read the header ({error})") from error
    # For each pixel, OpenJPEG takes twice the memory of the other decoders.
    costs = 2 if image.format == "JPEG2000" else 1
    check_pixels(*image.size, name, costs=costs)
    check_pixels(*tile, name)
    return image


def to_rgb(image: "Image.Image", name: str) -> np.ndarray:
    """Converts a PIL image to RGB uint8 (H, W, 3), with its EXIF orientation applied.

    Raises:
        CorruptImageError: the image cannot be decoded or converted, or is too large.
    """
    from PIL import ImageOps

    check_pixels(*image.size, name)
    try:
        if image.getexif().get(ORIENTATION_TAG, 1) != 1:
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
            gray = (np.asarray(image) >> 8).astype(np.uint8)
            return np.repeat(gray[:, :, None], 3, axis=2)
        if image.mode in ("I", "F"):
            raise ValueError(f"expected pixels of 8 or 16 bits, not of 32 (mode {image.mode})")
        if image.mode == "P" and "transparency" in image.info:
            image = image.convert("RGBA")  # without this step Pillow warns
        if image.mode != "RGB":
            image = image.convert("RGB")
        return np.array(image)
    except Exception as error:  # damaged files make Pillow raise errors of many kinds
        raise CorruptImageError(f"{name}: Pillow cannot read the image ({error})") from error
