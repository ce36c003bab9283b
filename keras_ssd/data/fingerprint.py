"""A checksum of annotated images, to tell data sets apart."""

import zlib

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.terminal import counted


def fingerprint(data: AnnotatedImages | None) -> str:
    """Returns the number of images and a checksum of ids and annotations, to compare data sets.

    Examples:
        >>> from keras_ssd.data.fingerprint import fingerprint
        >>> fingerprint(None)
        '0 images, CRC 00000000'
    """
    checksum, count = 0, 0
    for sample in data or ():
        name = sample.id.encode(errors="surrogateescape")
        for part in (name, sample.boxes.tobytes(), sample.labels.tobytes()):
            checksum = zlib.crc32(part, checksum)
        count += 1
    return f"{counted(count, 'image')}, CRC {checksum:08x}"
