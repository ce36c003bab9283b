"""Reads parts of images inside a TensorFlow graph, without Python wherever that is possible.

A file that is a plain JPEG is read and decoded by TensorFlow: complete, upright, of one or three
color channels, and of the annotated size. For everything else the graph calls Python, which reads
the image as `Sample.read_image` does, or says what is wrong with it.
"""

import itertools
import re
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.python_calls import call_python
from keras_ssd.data.skipping import read_or_skip
from keras_ssd.images.limits import CorruptImageError, max_pixels
from keras_ssd.images.opencv import cv2

# libjpeg decodes to an eighth of the size at the least.
MOST_HALVINGS = 3
_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_SHORTEST_JPEG = 100  # bytes; any shorter file is left to Python
_EXIF_BYTES = 1 << 16  # a segment of a JPEG is not longer
# EXIF's tag of the orientation, with its type, in both byte orders; and with the value "upright".
_ORIENTATION = "\x01\x12\x00[\x01-\x0d]|\x12\x01[\x01-\x0d]\x00"
_UPRIGHT = "\x01\x12\x00\x03\x00\x00\x00\x01\x00\x01|\x12\x01\x03\x00\x01\x00\x00\x00\x01\x00"
# What TensorFlow's messages say where it cannot read or decode a file. They do not name the file.
_READING = re.compile("ReadFile|ExtractJpegShape|DecodeAndCropJpeg")
_in_use: "weakref.WeakValueDictionary[int, ImageParts]" = weakref.WeakValueDictionary()
_numbers = itertools.count()


class ImageParts:
    """Parts of the images of a data set, as a function for a graph.

    Args:
        data: the images.
        skipped: as in `read_or_skip`. If it is not None, Python reads all images.

    Attributes:
        sizes: int32 (images, 2), heights and widths.
    """

    def __init__(self, data: AnnotatedImages, skipped: set[str] | None = None):
        self._data, self._skipped = data, skipped
        files = [str(s.image) if isinstance(s.image, Path) else "" for s in data]
        limit = max_pixels()
        small_enough = [sample.size[0] * sample.size[1] <= limit for sample in data]
        may_be_plain = [
            bool(file) and small and skipped is None
            for file, small in zip(files, small_enough, strict=True)
        ]
        self._files = tf.constant([name.encode(errors="surrogateescape") for name in files])
        self.sizes = tf.constant([sample.size for sample in data], tf.int32)
        self._may_be_plain = tf.constant(may_be_plain)
        _in_use[next(_numbers)] = self

    def __call__(self, index: Any, part: Any, halvings: Any) -> tf.Tensor:
        """Returns a part of an image.

        Args:
            index: int64 scalar, the number of the image.
            part: int32 (4,), top, left, height and width of the part, in pixels of the image.
            halvings: int32 scalar, how many times the part is shrunk to half its size, 0 to
                MOST_HALVINGS.

        Returns:
            uint8 (H, W, 3); H and W are 0 for an image that is to be left out.
        """
        data = self.read_encoded(index)
        pixels = tf.cond(
            _is_plain_jpeg(data, self.sizes[index]),
            lambda: _decode(data, part, halvings),
            lambda: call_python(self._part, [index, part, halvings], tf.uint8, blank=_no_part),
        )
        return tf.ensure_shape(pixels, (None, None, 3))

    def read_encoded(self, index: Any) -> tf.Tensor:
        """Returns the bytes of an image that may be a plain JPEG; no bytes of another image."""
        return tf.cond(
            self._may_be_plain[index], lambda: tf.io.read_file(self._files[index]), lambda: ""
        )

    def unreadable(self, in_message: str | None = None) -> CorruptImageError | None:
        """Returns the error of the first file that cannot be read, or None if all can be.

        Args:
            in_message: a message; only the files that it names are tried. None tries all.
        """
        for sample in self._data:
            if in_message is not None and str(sample.image) not in in_message:
                continue
            try:
                sample.read_image()
                data = sample.read_bytes()
                if data.startswith(_JPEG_START):
                    tf.io.decode_jpeg(data, channels=3)
            except CorruptImageError as error:
                return error
            except tf.errors.InvalidArgumentError:
                return CorruptImageError(f"{sample.image!s}: TensorFlow cannot decode the image")
        return None

    def _part(self, index, part, halvings):
        image = read_or_skip(self._data[int(index)], self._skipped)
        if image is None:
            return _no_part()
        top, left, height, width = map(int, part)
        image = image[top : top + height, left : left + width]
        if halvings:
            size = max(1, width >> halvings), max(1, height >> halvings)
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(image)


def _no_part(*arguments):
    return np.zeros((0, 0, 3), np.uint8)


def corrupt_image_error(error: tf.errors.OpError) -> CorruptImageError | None:
    """Returns the error that an iteration failed with because an image cannot be read.

    Args:
        error: what TensorFlow raised.

    Returns:
        An error that names the image, or None if it was another failure. If TensorFlow did not say
        which file it failed on, the files are read again to find it.
    """
    found = re.search(r"CorruptImageError: (.*)", str(error))
    if found:
        return CorruptImageError(found[1])
    if not _READING.search(str(error)):
        return None
    latest_first = [_in_use[number] for number in sorted(_in_use, reverse=True)]
    for message in (str(error), None):
        for parts in latest_first:
            if unreadable := parts.unreadable(message):
                return unreadable
    return None


def _is_plain_jpeg(data, size):
    return tf.cond(
        tf.strings.length(data) < _SHORTEST_JPEG,
        lambda: False,
        lambda: tf.cond(
            (tf.strings.substr(data, 0, 3) == _JPEG_START)
            & (tf.strings.substr(data, -2, 2) == _JPEG_END)
            & _is_upright(data),
            lambda: _has_shape(data, size),
            lambda: False,
        ),
    )


def _is_upright(data):
    """Tells whether there is surely no EXIF orientation that turns or mirrors the image."""
    # RE2 finds a text of ASCII in bytes of any kind. `\C` is any byte.
    without = tf.strings.regex_replace(data, "Exif", "", replace_global=False)

    def upright():
        exif = tf.strings.regex_replace(data, r"(?s)^\C*?Exif", "", replace_global=False)
        exif = tf.strings.substr(exif, 0, _EXIF_BYTES)
        others = tf.strings.regex_replace(exif, _UPRIGHT, "")
        rest = tf.strings.regex_replace(others, _ORIENTATION, "", replace_global=False)
        return tf.strings.length(rest) == tf.strings.length(others)

    return tf.cond(tf.strings.length(without) == tf.strings.length(data), lambda: True, upright)


def _has_shape(data, size):
    shape = tf.io.extract_jpeg_shape(data)
    return tf.reduce_all(shape[:2] == size) & (shape[2] != 4)  # 4 channels are CMYK


def _decode(data, part, halvings):
    def decode(count):
        part_of_shrunk = tf.concat(
            [
                tf.bitwise.right_shift(part[:2], count),
                tf.maximum(1, tf.bitwise.right_shift(part[2:], count)),
            ],
            axis=0,
        )
        return tf.io.decode_and_crop_jpeg(
            data, part_of_shrunk, channels=3, ratio=1 << count, dct_method="INTEGER_ACCURATE"
        )

    branches = [lambda n=n: decode(n) for n in range(MOST_HALVINGS + 1)]
    return tf.switch_case(halvings, branches)
