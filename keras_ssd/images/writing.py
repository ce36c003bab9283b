"""Writes RGB arrays as image files."""

from pathlib import Path

import numpy as np

from keras_ssd.files import replace_file
from keras_ssd.images.arrays import checked_image
from keras_ssd.images.opencv import cv2


def write_image(image: np.ndarray, path: str | Path, *, sync: bool = True) -> None:
    """Writes an image as PNG or JPEG, by the suffix; the file is written whole or not at all.

    Args:
        image: RGB uint8 (H, W, 3).
        path: the file to write; its name ends in .png, .jpg or .jpeg.
        sync: as in `keras_ssd.files.replace_file`.

    Raises:
        ValueError: the image is not RGB uint8 (H, W, 3) or is too large for the format, or the
            name has another ending.
        OSError: the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg"):
        raise ValueError(f"{path}: the name must end in .png, .jpg or .jpeg")
    image = checked_image(image, "image")
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    # cv2.imwrite garbles names beyond ASCII on Windows and reports no failure.
    try:
        done, data = cv2.imencode(suffix, bgr)
    except cv2.error as error:
        raise ValueError(f"{path}: OpenCV cannot encode the image ({error.err})") from error
    if not done:
        height, width = image.shape[:2]
        raise ValueError(f"{path}: the format cannot hold an image of {width} x {height} pixels")
    replace_file(path, lambda unfinished: unfinished.write_bytes(data.tobytes()), sync=sync)
