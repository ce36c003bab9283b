"""Detection in a sequence of frames: a thread reads and warps them ahead of the network."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from keras_ssd.images import resize_image
from keras_ssd.inference.read_ahead import read_ahead
from keras_ssd.inference.selection import (
    DEFAULT_CONFIDENCE,
    Selection,
    Thresholds,
    check_thresholds,
)
from keras_ssd.inference.tiles import Tiles, check_tiles, merge_tiles, tile_boxes
from keras_ssd.inputs import Frame
from keras_ssd.results.detections import Detections

if TYPE_CHECKING:
    from keras_ssd.inference.protocol import ObjectDetector

OnError = Callable[[ValueError], object]
_MAX_BYTES = 50_000_000  # of the frames that wait, and as many again in the batch that is run


def detect_frames(
    detector: "ObjectDetector",
    frames: Iterable[Frame | ValueError],
    *,
    confidence_threshold: Thresholds = DEFAULT_CONFIDENCE,
    classes: Iterable[str] | None = None,
    batch_size: int = 8,
    tiles: Tiles = None,
    on_error: OnError | None = None,
    with_images: bool = True,
) -> Generator[tuple[Frame, Detections], None, None]:
    """Yields each frame with the objects in it, in order, while a thread reads the next frames.

    The network runs in the thread that asks for the results. The detections do not depend on the
    batch size. A live frame is run at once, and takes the place of an earlier one that still waits.
    Frames wait with at most 50 MB, or one at a time if they are larger. Closing the generator ends
    the reading thread, and so does an error.

    Args:
        detector: any kind of detector. It is not used before the first result is asked for, unless
            names of classes have to be checked.
        frames: the frames. An error among them is that of a source that gives no frame, or no
            further one. Frames that are `only_shown` come out without detections.
        confidence_threshold, classes, batch_size, tiles: as in `ObjectDetector.detect`.
        on_error: a function that is called with each error among the frames, after the results
            before it and in the thread that asks for them. Without it the error is raised.
        with_images: False lets go of each image as soon as it is warped, to save memory. The image
            of the yielded frame is then the warped one.

    Raises:
        ValueError: an argument is out of range; or an error among the frames, without `on_error`.
        Exception: whatever going through the frames raises, after the results before it.

    Examples:
        >>> import keras_ssd, numpy as np
        >>> from keras_ssd.inference.pipeline import detect_frames
        >>> from keras_ssd.inputs import Frame
        >>> detector = keras_ssd.load_detector("ssd_mobilenet_320_voc_int8")
        >>> frames = [Frame(np.zeros((90, 160, 3), np.uint8), "a.mp4", number=7, time=0.5)]
        >>> for frame, found in detect_frames(detector, frames):
        ...     print(frame, "-", found)
        frame 7 of a.mp4 (160 x 90 pixels) - no detections in a.mp4, frame 7
    """
    check_thresholds(confidence_threshold)
    check_tiles(tiles)
    if batch_size < 1:
        raise ValueError(f"batch_size: expected 1 or more, not {batch_size}")
    run = _Run(detector, confidence_threshold, classes, batch_size, tiles)
    if classes is not None or isinstance(confidence_threshold, Mapping):
        run.selection()
    return run.results(frames, with_images, on_error)


@dataclass(frozen=True, eq=False)
class _Prepared:
    """A frame that is ready for the network.

    Attributes:
        frame: the frame; its image may be the warped one.
        size: (height, width) of the original image.
        tiles: int (T, 4), the corners of the tiles in pixels; the first is the whole image.
        warped: uint8 (T, S, S, 3), the tiles at the network's size.
    """

    frame: Frame
    size: tuple[int, int]
    tiles: np.ndarray
    warped: np.ndarray

    @property
    def num_bytes(self) -> int:
        return self.frame.image.nbytes + self.warped.nbytes


@dataclass(frozen=True, eq=False)
class _Run:
    """One run of a detector over frames; the attributes are arguments of `detect_frames`."""

    detector: "ObjectDetector"
    confidence_threshold: Thresholds
    classes: Iterable[str] | None
    batch_size: int
    tiles: Tiles

    def selection(self) -> Selection:
        return Selection(self.detector.class_names, self.confidence_threshold, self.classes)

    def results(self, frames, with_images, on_error):
        """Yields pairs of a frame and its detections."""
        items = read_ahead(
            frames,
            lambda frame: self._prepared(frame, with_images),
            max_items=2 * self.batch_size,
            max_bytes=_MAX_BYTES,
            size_of=_num_bytes,
            replaces=lambda new, waiting: _is_live(new) and _is_live(waiting),
        )
        with closing(items):
            for batch in self._batches(items):
                if not isinstance(batch, ValueError):
                    yield from self._detect(batch)
                elif on_error is not None:
                    on_error(batch)
                else:
                    raise batch

    def _prepared(self, frame, with_images):
        """Returns the frame ready for the network, or an error as it is."""
        if isinstance(frame, ValueError):
            return frame
        size, network_size = frame.image.shape[:2], self.detector.image_size
        if frame.only_shown:
            warped = np.empty((0, network_size, network_size, 3), np.uint8)
            return _Prepared(frame, size, np.empty((0, 4), int), warped)
        tiles = tile_boxes(*size, network_size, self.tiles)
        warped = np.stack(
            [resize_image(frame.image[y1:y2, x1:x2], network_size) for x1, y1, x2, y2 in tiles]
        )
        frame = frame if with_images else replace(frame, image=warped[0])
        return _Prepared(frame, size, tiles, warped)

    def _batches(self, items):
        """Yields batches of prepared frames, and errors after the frames before them."""
        batch = deque()
        while True:
            try:
                item = next(items, None)
            except Exception:
                if batch:
                    yield batch
                raise
            if isinstance(item, _Prepared):
                batch.append(item)
                if not _is_live(item) and not self._is_full(batch):
                    continue
            if batch:
                yield batch
                batch = deque()
            if item is None:
                return
            if isinstance(item, ValueError):
                yield item

    def _is_full(self, batch):
        num_images = sum(len(one.tiles) for one in batch)
        return num_images >= self.batch_size or sum(map(_num_bytes, batch)) >= _MAX_BYTES

    def _detect(self, batch):
        """Yields the results of a batch, and lets go of its frames one by one."""
        selection = self.selection()
        rows = self._rows(np.concatenate([one.warped for one in batch]))
        while batch:
            one = batch.popleft()
            if one.frame.only_shown:
                yield one.frame, self._nothing(one)
                continue
            found = [
                selection(self._of_tile(one.frame, tile, *row))
                for tile, row in zip(one.tiles, rows, strict=False)  # the rows go on
            ]
            yield one.frame, merge_tiles(found, one.tiles, one.size)

    def _rows(self, images):
        """Yields a prediction, and the row in it, for each image of the network's size."""
        for start in range(0, len(images), self.batch_size):
            part = images[start : start + self.batch_size]
            prediction = self.detector.predict_on_batch(part)
            yield from ((prediction, row) for row in range(len(part)))

    def _nothing(self, one):
        frame, names = one.frame, self.detector.class_names
        return Detections(frame.source, one.size, [], [], [], names, frame.number, frame.time)

    def _of_tile(self, frame, tile, prediction, row):
        x1, y1, x2, y2 = tile.tolist()
        return Detections.from_prediction(
            prediction,
            row,
            frame.source,
            (y2 - y1, x2 - x1),
            self.detector.class_names,
            frame=frame.number,
            time=frame.time,
        )


def _num_bytes(item: _Prepared | ValueError) -> int:
    return 0 if isinstance(item, ValueError) else item.num_bytes


def _is_live(item: _Prepared | ValueError) -> bool:
    return isinstance(item, _Prepared) and item.frame.live
