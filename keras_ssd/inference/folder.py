"""Detects objects in photos, and writes pictures with the objects drawn and one JSON file."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from keras_ssd.files import as_many
from keras_ssd.images import read_image, write_image
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.results.detections import Detections
from keras_ssd.results.drawing import draw_detections
from keras_ssd.results.records import write_json
from keras_ssd.terminal import track


def detect_to_folder(
    detector: ObjectDetector,
    paths: Iterable[str | Path] | str | Path,
    output: str | Path,
    *,
    confidence_threshold: float = 0.25,
    batch_size: int = 8,
    on_image: Callable[[Detections, Path], None] | None = None,
) -> list[str]:
    """Writes each photo with its detections drawn, and `detections.json` with all of them.

    `dog.jpg` becomes `dog.png`. If several photos have the same name, the later ones become
    `dog-2.png`, `dog-3.png`. The same photos give the same names again and replace an earlier
    run's pictures; a photo itself is never replaced. A photo that fails does not stop the rest,
    and what was found until an interruption is written. If all photos fail, an earlier run's files
    are kept. A progress bar is shown on stderr if it is a terminal and rich is installed.

    Args:
        detector: any kind of detector.
        paths: the paths of image files, or one path.
        output: the folder to write to; it is made if it does not exist.
        confidence_threshold, batch_size: as in `ObjectDetector.detect`.
        on_image: a function that is called with the detections and the path of each picture once
            the picture is written.

    Returns:
        The problems: one message for each photo that could not be read or drawn.

    Raises:
        ValueError: `output` is not a folder, or an argument is out of range.
        OSError: `detections.json` cannot be written.
    """
    paths, output = list(as_many(paths)), Path(output)
    problems, all_found = [], []
    results = detector.detect(
        track(paths, "Detecting", len(paths)),
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
                write_image(draw_detections(read_image(found.image), found), picture)
            except (ValueError, OSError) as error:
                problems.append(f"{found.image}: detected, but not drawn ({error})")
                continue
            if on_image is not None:
                on_image(found, picture)
    finally:
        if all_found or not paths:
            write_json(all_found, output / "detections.json")
    return problems


def _picture_paths(paths, output):
    """Returns a PNG path for each photo, different from the others and from every photo."""
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
    """Returns a key that is equal for two paths of one file, also where case does not matter."""
    return os.path.join(os.path.realpath(path.parent), path.name).casefold()
