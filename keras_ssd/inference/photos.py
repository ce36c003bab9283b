"""Photos through a detector: one at a time to the caller, or all into a folder."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from keras_ssd.detector.detector import class_names, image_size
from keras_ssd.files import as_many
from keras_ssd.images import checked_image, read_image, resize_image, write_png
from keras_ssd.results.detections import Detections, write_json
from keras_ssd.results.drawing import draw_detections


def detect(
    detector,
    sources: Iterable[str | Path | np.ndarray] | str | Path | np.ndarray,
    *,
    confidence_threshold: float = 0.25,
    batch_size: int = 8,
    on_error: Callable[[ValueError], None] | None = None,
) -> Iterator[Detections]:
    """Yields what a detector finds in each image, in the order of the sources.

    An image is warped to the detector's input size as soon as it is read, so that only one is
    held at full size, and photos of different sizes share a batch.

    Args:
        detector: as `load_detector` returns it, or a `keras_ssd.serving.Client`.
        sources: image files, RGB uint8 arrays (H, W, 3), or both; or one of them alone. They are
            drawn one by one, so a generator will do.
        confidence_threshold: the least score yielded; the detector's own threshold holds too.
        batch_size: images that the detector sees at once.
        on_error: called with the error of a source that cannot be used, which is then left out.
            Without it the error is raised, once all before it is yielded.

    Yields:
        Detections in pixels of the image as it came, EXIF orientation applied. `image` is the
        path as given, or the position of an array among the sources.

    Raises:
        CorruptImageError: a file cannot be read.
        ValueError: a source is neither a path nor such an array, or an argument is out of range.
    """
    if not 0 <= confidence_threshold <= 1:
        raise ValueError(f"confidence_threshold: expected 0 to 1, not {confidence_threshold}")
    if batch_size < 1:
        raise ValueError(f"batch_size: expected 1 or more, not {batch_size}")
    if hasattr(detector, "detect"):  # a client, whose server reads the images
        return detector.detect(
            sources,
            confidence_threshold=confidence_threshold,
            batch_size=batch_size,
            on_error=on_error,
        )
    found = _detect_in_batches(detector, as_many(sources), batch_size, on_error)
    return (detections.above(confidence_threshold) for detections in found)


def detect_to_folder(
    detector,
    paths: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    confidence_threshold: float = 0.25,
    batch_size: int = 8,
    on_image: Callable[[Detections, Path], None] | None = None,
) -> list[str]:
    """Writes each photo with its detections drawn, and `detections.json` with all of them.

    `dog.jpg` becomes `dog.png`; of photos that share a name the later ones become `dog-2.png`,
    `dog-3.png`. The same photos give the same names again and replace an earlier run's pictures;
    a photo itself is never replaced. Photos that fail do not hold up the rest, and what was
    found until an interruption is written. If all fail, an earlier run's files stay.

    Args:
        detector, confidence_threshold, batch_size: see `detect`.
        paths: image files, or one alone.
        output: a folder, made if it is not there.
        on_image: called with the detections and the path of each picture once it is written.

    Returns:
        The problems, one message for each photo that could not be read or drawn.

    Raises:
        ValueError: `output` is no folder, or an argument is out of range.
        OSError: `detections.json` cannot be written.
    """
    paths, output = list(as_many(paths)), Path(output)
    problems, all_found = [], []
    results = detect(
        detector,
        paths,
        confidence_threshold=confidence_threshold,
        batch_size=batch_size,
        on_error=lambda error: problems.append(str(error)),
    )
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"output: expected a folder, not {output} ({error.strerror})") from error
    pictures = zip(paths, _picture_paths(paths, output), strict=True)
    try:
        for found in results:
            all_found.append(found)
            picture = next(picture for path, picture in pictures if str(path) == found.image)
            try:
                write_png(draw_detections(read_image(found.image), found), picture)
            except (ValueError, OSError) as error:
                problems.append(f"{found.image}: detected, but not drawn ({error})")
                continue
            if on_image is not None:
                on_image(found, picture)
    finally:
        if all_found or not paths:
            write_json(all_found, output / "detections.json")
    return problems


def _detect_in_batches(detector, sources, batch_size, on_error):
    names, size = class_names(detector), image_size(detector)
    batch = []
    for position, source in enumerate(sources):
        try:
            batch.append(_read_warped(source, position, size))
        except ValueError as error:
            yield from _detect_batch(detector, batch, names)
            batch = []
            if on_error is None:
                raise
            on_error(error)
        if len(batch) >= batch_size:
            yield from _detect_batch(detector, batch, names)
            batch = []
    yield from _detect_batch(detector, batch, names)


def _detect_batch(detector, batch, names):
    if not batch:
        return
    prediction = detector.predict_on_batch(np.stack([warped for _, _, warped in batch]))
    for index, (image, size, _) in enumerate(batch):
        yield Detections.from_prediction(prediction, index, image, size, names)


def _read_warped(source, position, size):
    """The name, (height, width) and warped copy, uint8 (size, size, 3), of one source."""
    if isinstance(source, str | Path):
        name, image = str(source), read_image(source)
    else:
        name, image = str(position), checked_array(source, position)
    return name, image.shape[:2], resize_image(image, size)


def checked_array(source, position: int) -> np.ndarray:
    """The source, if it is an RGB uint8 array (H, W, 3); else raises ValueError."""
    expected = "a path or an RGB uint8 array (H, W, 3)"
    return checked_image(source, f"sources[{position}]", expected=expected)


def _picture_paths(paths, output):
    """One PNG path per photo, each different from the others and from every photo."""
    pictures, taken = [], {_place(Path(path)) for path in paths}
    for path in paths:
        stem, number = Path(path).stem, 1
        picture = output / f"{stem}.png"
        while _place(picture) in taken:
            number += 1
            picture = output / f"{stem}-{number}.png"
        taken.add(_place(picture))
        pictures.append(picture)
    return pictures


def _place(path):
    """What two paths share that name one file, even where upper and lower case do not differ."""
    return os.path.join(os.path.realpath(path.parent), path.name).casefold()
