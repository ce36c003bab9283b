"""Pictures of a run: images with their objects drawn, and the objects cut out."""

from pathlib import Path

import numpy as np

from keras_ssd.images import write_image
from keras_ssd.outputs.names import file_name
from keras_ssd.results.detections import Detections

FORMATS = ("jpg", "png")


def write_picture(image: np.ndarray, path: Path) -> None:
    """Writes a picture, whole or not at all; see `keras_ssd.images.write_image`."""
    try:
        write_image(image, path, sync=False)  # what a power cut loses, a new run makes again
    except OSError as error:  # that of a full disk does not name the file
        raise OSError(error.errno, error.strerror, str(path)) from error


def write_crops(image: np.ndarray, found: Detections, folder: Path, stem: str, ending: str) -> None:
    """Writes each object of an image as a picture into the folder of its class.

    The second object of dog.jpg, a cat, becomes "cat/dog-2.jpg". Objects without area inside the
    image are left out.

    Args:
        image: RGB uint8 (H, W, 3), without drawings.
        found: the objects in it.
        folder: the folder to write to.
        stem: the name of the image, without suffix.
        ending: the ending of the pictures, such as ".jpg".

    Raises:
        OSError: a picture cannot be written.
    """
    for number, one in enumerate(found, start=1):
        crop = cut_out(image, one.box)
        if crop.size:
            write_picture(crop, folder / file_name(one.name) / f"{stem}-{number}{ending}")


def cut_out(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Returns the pixels that a box touches, as a view (h, w, 3); it is empty outside the image.

    Args:
        image: (H, W, 3).
        box: float (4,), corners (x1, y1, x2, y2) in pixels.
    """
    height, width = image.shape[:2]
    x1, y1 = np.floor(box[:2].clip(0)).astype(int)
    x2, y2 = np.ceil(box[2:].clip(0, [width, height])).astype(int)
    return image[y1:y2, x1:x2]
