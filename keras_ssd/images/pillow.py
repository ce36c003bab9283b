"""Images that need Pillow: the formats that OpenCV does not decode well, and PIL's own images.

Pillow is imported inside the functions that need it: JPEG, PNG and WebP are read without it. HEIC,
the photos of iPhones, also needs pillow-heif.
"""

import io
from typing import TYPE_CHECKING

import numpy as np

from keras_ssd.extras import require
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
# The brands with which HEIC and other HEIF images begin.
HEIF_BRANDS = {
    *(b"heic", b"heim", b"heis", b"heix", b"hevc", b"hevm", b"hevs", b"hevx", b"mif1", b"msf1")
}
_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 0x0142, 0x0143


def decode(data: bytes, name: str) -> np.ndarray:
    """Decodes AVIF, BMP, GIF, HEIC, JPEG 2000, PNM and TIFF to RGB uint8 (H, W, 3).

    Raises:
        CorruptImageError: the image has another format, is damaged or is too large; or Pillow or
            pillow-heif is needed and not installed.
    """
    return to_rgb(_opened(data, name), name)


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
        image = _identified(data)
        tags = image.tag_v2 if image.format == "TIFF" else {}
        tile = int(tags.get(_TIFF_TILE_WIDTH, 1)), int(tags.get(_TIFF_TILE_HEIGHT, 1))
    except UnidentifiedImageError as error:
        raise CorruptImageError(
            f"{name}: not an image that can be decoded (formats: JPEG, PNG, WebP, HEIC, "
            f"{', '.join(_FORMATS)})"
        ) from error
    except Image.DecompressionBombError as error:
        raise CorruptImageError(f"{name}: {error} ({HOW_TO_RAISE})") from error
    except ImportError as error:
        raise CorruptImageError(f"{name}: HEIC images need pillow-heif ({error})") from error
    except Exception as error:  # damaged files make Pillow raise errors of many kinds
        raise CorruptImageError(f"{name}: Pillow cannot read the header ({error})") from error
    # For each pixel, OpenJPEG takes twice the memory of the other decoders.
    costs = 2 if image.format == "JPEG2000" else 1
    check_pixels(*image.size, name, costs=costs)
    check_pixels(*tile, name)
    return image


def _identified(data):
    """Returns the PIL image, with its header read."""
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        if data[4:8] != b"ftyp" or data[8:12] not in HEIF_BRANDS:
            raise
    # It is not registered with Pillow, because that would change what other programs read.
    return require("pillow_heif.as_plugin", extra="heif").HeifImageFile(io.BytesIO(data))


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
