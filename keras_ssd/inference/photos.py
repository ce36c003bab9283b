"""Reads images, warps them, puts them into batches, and gives detections in pixels."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import numpy as np

from keras_ssd.files import as_many
from keras_ssd.images import checked_image, read_image, resize_image
from keras_ssd.results.detections import Detections

if TYPE_CHECKING:
    from PIL.Image import Image

    from keras_ssd.inference.protocol import ObjectDetector

Source: TypeAlias = Union[str, Path, np.ndarray, "Image"]
Sources: TypeAlias = Iterable[Source] | Source


def detect_in_batches(
    detector: "ObjectDetector",
    sources: Sources,
    *,
    confidence_threshold: float,
    batch_size: int,
    on_error: Callable[[ValueError], None] | None,
) -> Iterator[Detections]:
    """Yields the detections of each source; see `ObjectDetector.detect`.

    Args:
        detector: any kind of detector. It is not used before the first result is asked for.
        sources, confidence_threshold, batch_size, on_error: as in `ObjectDetector.detect`.
    """
    check_arguments(confidence_threshold, batch_size)

    def detect_batch(batch):
        if not batch:
            return
        prediction = detector.predict_on_batch(np.stack([warped for _, _, warped in batch]))
        for index, (name, size, _) in enumerate(batch):
            found = Detections.from_prediction(prediction, index, name, size, detector.class_names)
            yield found.above(confidence_threshold)

    def detect_all():
        batch, image_size = [], detector.image_size
        for position, source in enumerate(as_many(sources)):
            try:
                batch.append(_read_warped(source, position, image_size))
            except ValueError as error:
                yield from detect_batch(batch)
                batch = []
                if on_error is None:
                    raise
                on_error(error)
            if len(batch) >= batch_size:
                yield from detect_batch(batch)
                batch = []
        yield from detect_batch(batch)

    return detect_all()


def check_arguments(confidence_threshold: float, batch_size: int) -> None:
    """Raises ValueError unless the threshold is in [0, 1] and the batch size is 1 or more."""
    if not 0 <= confidence_threshold <= 1:
        raise ValueError(f"confidence_threshold: expected 0 to 1, not {confidence_threshold}")
    if batch_size < 1:
        raise ValueError(f"batch_size: expected 1 or more, not {batch_size}")


def _read_warped(source, position, size):
    """Returns a source's name, (height, width) and warped copy, uint8 (size, size, 3)."""
    if isinstance(source, str | Path):
        name, image = str(source), read_image(source)
    else:
        name, image = str(position), checked_array(source, position)
    return name, image.shape[:2], resize_image(image, size)


def checked_array(source: Any, position: int) -> np.ndarray:
    """Returns the source as an array; raises ValueError for other than RGB uint8 or PIL images."""
    expected = "a path, an RGB uint8 array (H, W, 3) or a PIL image"
    return checked_image(source, f"sources[{position}]", expected=expected)
