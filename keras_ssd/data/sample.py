"""The one structure that every source of annotated images yields."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_ssd.images import CorruptImageError, decode_image
from keras_ssd.images.reading import read_bytes


@dataclass(frozen=True, eq=False)  # an array has no single truth value
class Sample:
    """An annotated image.

    Attributes:
        id: a text that is unique in its data set; messages and detections name the image by it.
        image: the path of an encoded image, or its bytes.
        size: (height, width) in pixels.
        boxes: float32 (M, 4), relative corners (x1, y1, x2, y2) within [0, 1], with area.
        labels: int32 (M,), indices into the class names, from 0; there is no background class.
        difficult: bool (M,): VOC's difficult objects, COCO's crowds.
    """

    id: str
    image: Path | bytes
    size: tuple[int, int]
    boxes: np.ndarray
    labels: np.ndarray
    difficult: np.ndarray

    @property
    def pixel_boxes(self) -> np.ndarray:
        """The boxes in pixels, float64 (M, 4) corners, as they were annotated.

        Rounding to a thousandth removes the noise of the relative float32 coordinates, which
        could otherwise tip an IoU that equals a threshold.
        """
        height, width = self.size
        return np.round(self.boxes.astype(np.float64) * [width, height, width, height], 3)

    def read_bytes(self) -> bytes:
        """Returns the encoded image.

        Raises:
            CorruptImageError: the file cannot be read.
        """
        return self.image if isinstance(self.image, bytes) else read_bytes(self.image)

    def read_image(self) -> np.ndarray:
        """Returns the image as RGB uint8 (H, W, 3); see `decode_image`.

        Raises:
            CorruptImageError: the image cannot be read, or does not have the annotated size, so
                that the boxes would be in the wrong places; the message names the image.
        """
        name = self.id if isinstance(self.image, bytes) else str(self.image)
        image = decode_image(self.read_bytes(), name=name)
        if image.shape[:2] != tuple(self.size):
            raise CorruptImageError(
                f"{name}: the image has (height, width) {image.shape[:2]}, EXIF orientation "
                f"applied, but its annotation says {tuple(self.size)}"
            )
        return image
