"""The methods that every kind of detector has: a Keras model, an exported file, a client."""

from collections.abc import Callable, Iterator

import numpy as np

from keras_ssd.inference import photos
from keras_ssd.results.detections import Detections


class ObjectDetector:
    """The base class of all kinds of detectors. Each adds `predict` and `predict_on_batch`.

    Attributes:
        class_names: the K foreground classes; labels are indices into them.
        image_size: the side, in pixels, of the square images that the network works on.
    """

    class_names: tuple[str, ...]
    image_size: int

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Detects objects in one batch.

        Args:
            images: uint8 RGB (B, H, W, 3) of any size.

        Returns:
            A dictionary. Rows beyond `num_detections` have box 0, label -1 and score 0:
                "boxes": float32 (B, D, 4), relative corners (x1, y1, x2, y2) in [0, 1].
                "labels": int32 (B, D), indices into `class_names`.
                "scores": float32 (B, D), descending.
                "num_detections": int32 (B,).
        """
        raise NotImplementedError

    def detect(
        self,
        sources: photos.Sources,
        *,
        confidence_threshold: float = 0.25,
        batch_size: int = 8,
        on_error: Callable[[ValueError], None] | None = None,
    ) -> Iterator[Detections]:
        """Yields the objects that the detector finds in each image, in the order of the sources.

        Each image is warped to the network's size as soon as it is read. So only one image at a
        time is in memory at full size, and images of different sizes share a batch.

        Args:
            sources: image files, uint8 RGB arrays (H, W, 3) and PIL images, mixed; or one of
                them. They are taken one by one, so a generator works.
            confidence_threshold: the lowest score to yield. The detector's own threshold applies
                as well.
            batch_size: the number of images that the network sees at once.
            on_error: a function that is called with the error of each source that cannot be used.
                That source is then left out. Without it the error is raised once all results
                before it have been yielded.

        Yields:
            Detections in pixels of the image with its EXIF orientation applied. Their `image` is
            the path as given, or the position of an array among the sources.

        Raises:
            CorruptImageError: a file cannot be read as an image.
            ValueError: a source is of another kind, or an argument is out of range.
        """
        return photos.detect_in_batches(
            self,
            sources,
            confidence_threshold=confidence_threshold,
            batch_size=batch_size,
            on_error=on_error,
        )
