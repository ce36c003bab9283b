"""Images: from files, encoded bytes and PIL to RGB arrays, and from arrays to files."""

from keras_ssd.images.arrays import checked_image, resize_image
from keras_ssd.images.limits import MAX_PIXELS, CorruptImageError
from keras_ssd.images.reading import decode_image, read_image
from keras_ssd.images.writing import write_image

__all__ = [
    "MAX_PIXELS",
    "CorruptImageError",
    "checked_image",
    "decode_image",
    "read_image",
    "resize_image",
    "write_image",
]
