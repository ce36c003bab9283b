"""The methods that every kind of detector has: a Keras model, an exported file, a client."""

from collections.abc import Iterable, Iterator
from contextlib import closing

import numpy as np

from keras_ssd.inference.pipeline import OnError, detect_frames
from keras_ssd.inference.reading import read_sources
from keras_ssd.inference.selection import DEFAULT_CONFIDENCE, Thresholds
from keras_ssd.inference.tiles import Tiles
from keras_ssd.inputs import Sources
from keras_ssd.results.detections import Detections
from keras_ssd.tracking import Tracker, follow

_LOWEST_TRACKED = 0.1  # a track goes on with scores that are too low for new objects


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
        sources: Sources,
        *,
        confidence_threshold: Thresholds = DEFAULT_CONFIDENCE,
        classes: Iterable[str] | None = None,
        batch_size: int = 8,
        tiles: Tiles = None,
        every: int = 1,
        recursive: bool = False,
        on_error: OnError | None = None,
    ) -> Iterator[Detections]:
        """Yields the objects that the detector finds in each image or frame, in order.

        A thread reads the images ahead and warps each at once to the network's size. So few of them
        are in memory at full size, and images of different sizes share a batch.

        Args:
            sources: what to look at: images, videos, folders and others, as paths, addresses, RGB
                arrays and PIL images; see `keras_ssd.inputs.find_inputs`. They are taken one by
                one, so a generator works.
            confidence_threshold: the lowest score to yield; or a mapping from names of classes to
                the lowest score of each, where "*" names all others (0.25 without it). The
                detector's own threshold applies as well.
            classes: the names of the classes to yield; None yields all.
            batch_size: the number of images that the network sees at once. The detections do not
                depend on it, and frames of a live input do not wait for others.
            tiles: overlapping tiles of each image, which the network sees besides the whole image:
                the number of tiles along the longer side, or "auto" for tiles of twice the
                network's size. They help to find small objects in large images, and take as many
                runs of the network as there are tiles. None is without tiles.
            every: the distance of the frames that are taken from a video: of 3, the frames 0, 3, 6.
            recursive: whether folders inside a folder are looked in.
            on_error: a function that is called with the error of each source that cannot be used.
                That source is then left out. Without it the error is raised once all results
                before it have been yielded.

        Yields:
            Detections in pixels of the image with its EXIF orientation applied. Their `image` is
            the path as given, or the position of an array among the sources; frames of a video
            have `frame` and `time` as well.

        Raises:
            ValueError: a source cannot be used, or an argument is out of range.
        """
        results = detect_frames(
            self,
            read_sources(sources, recursive=recursive, every=every),
            confidence_threshold=confidence_threshold,
            classes=classes,
            batch_size=batch_size,
            tiles=tiles,
            on_error=on_error,
            with_images=False,
        )
        return _detections(results, results)

    def track(
        self,
        sources: Sources,
        *,
        confidence_threshold: Thresholds = _LOWEST_TRACKED,
        classes: Iterable[str] | None = None,
        batch_size: int = 8,
        tiles: Tiles = None,
        every: int = 1,
        recursive: bool = False,
        on_error: OnError | None = None,
        tracker: Tracker | None = None,
    ) -> Iterator[Detections]:
        """Yields the objects in each frame of a video, with numbers that they keep, in order.

        Args:
            sources: videos, cameras and streams, as in `detect`. The numbers begin at 1 in each.
                Numbered images in one folder (frame1.jpg, frame2.jpg, ...) and lists of arrays are
                the frames of a video as well; other images are refused, as they have no order.
            confidence_threshold: as in `detect`. A track begins with a higher score, as the tracker
                says, and goes on with objects down to this one.
            classes, batch_size, tiles, every, recursive, on_error: as in `detect`.
            tracker: the tracker, with its settings; None makes one with the defaults.

        Yields:
            Detections with `track_ids`: -1 for objects that have no number (yet). See
            `keras_ssd.tracking.Tracker` for what is left out, and for the labels.

        Raises:
            ValueError: a source cannot be used, or an argument is out of range.
            ImportError: the package trackers is not installed.
        """
        tracker = Tracker() if tracker is None else tracker
        results = detect_frames(
            self,
            read_sources(sources, recursive=recursive, every=every),
            confidence_threshold=confidence_threshold,
            classes=classes,
            batch_size=batch_size,
            tiles=tiles,
            on_error=on_error,
            with_images=False,
        )
        return _detections(follow(results, tracker, on_error=on_error), results)


def _detections(pairs, results):
    """Yields the detections of pairs that are made from results, and closes the results."""
    with closing(results):
        for _, found in pairs:
            yield found
