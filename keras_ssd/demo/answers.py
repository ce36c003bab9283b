"""What the page answers to a picture or a video: a sentence, a table and files to download."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from keras_ssd.demo.nms import StricterNMS
from keras_ssd.images import decode_image, write_image
from keras_ssd.images.reading import read_bytes
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.inputs import find_inputs
from keras_ssd.inputs.kinds import Kind, kind_of
from keras_ssd.outputs import detect_to_folder
from keras_ssd.outputs.entry import FilmEnd
from keras_ssd.results import Detections, draw_detections, write_json
from keras_ssd.terminal import counted

MAX_FRAMES = 1800  # of a video, so that other visitors do not wait for many minutes


@dataclass(frozen=True)
class Choice:
    """What a visitor chose: the lowest score, the IoU of `StricterNMS`, and classes or none."""

    confidence: float
    iou: float
    classes: Sequence[str] = ()


@dataclass(frozen=True)
class Answer:
    """What the page shows.

    Attributes:
        status: a sentence on what was found, or on what is wrong with the upload.
        rows: the rows of the table: class, score and box of each object in a picture; class and
            number of frames with it for a video.
        drawn: the path of the picture or film with the objects drawn, or None.
        records: the path of the JSON file with the detections, or None.
    """

    status: str
    rows: Sequence[tuple[str, ...]] = ()
    drawn: Path | None = None
    records: Path | None = None


def answer_picture(detector: ObjectDetector, path: str, choice: Choice, folder: Path) -> Answer:
    """Detects objects in a picture; the answer's status says why if that is not possible.

    Args:
        detector: any kind of detector.
        path: the picture, in any format that `keras_ssd.images.decode_image` reads.
        choice: what the visitor chose.
        folder: an empty folder, in which the files to download are written.
    """
    name, start = Path(path).name, time.perf_counter()
    drawn, records = _files(folder, name, ".jpg")
    try:
        image = decode_image(read_bytes(path), name)
        (found,) = StricterNMS(detector, choice.iou).detect(
            image, confidence_threshold=choice.confidence, classes=choice.classes or None
        )
        found = replace(found, image=name)
        seconds = time.perf_counter() - start
        write_image(draw_detections(image, found), drawn, sync=False)
        write_json([found], records)
    except (ValueError, OSError) as error:
        return Answer(_without_folder(error, path))
    status = f"{counted(len(found), 'object')} found in {name} in {seconds:.2f} s"
    return Answer(status, [_row(one) for one in found], drawn, records)


def answer_video(
    detector: ObjectDetector,
    path: str,
    choice: Choice,
    folder: Path,
    on_frame: Callable[[int, int | None], object],
) -> Answer:
    """Detects objects in a video of up to `MAX_FRAMES` frames.

    Args:
        detector, choice, folder: as in `answer_picture`.
        path: the video, in any format that `keras_ssd.video.VideoReader` reads.
        on_frame: a function that is called in another thread with the number of frames that are
            done, and the number of all frames or None.
    """
    name, start = Path(path).name, time.perf_counter()
    drawn, records = _files(folder, name, ".mp4")
    frames: list[Detections] = []
    ends: list[tuple[FilmEnd, Path | None]] = []

    def on_image(found, _):
        frames.append(replace(found, image=name))
        _check_length(len(frames), name)  # because not every video states its length
        on_frame(len(frames), total)

    try:
        total = _stated_length(path, name)
        problems = detect_to_folder(
            StricterNMS(detector, choice.iou),
            [path],
            folder,
            confidence_threshold=choice.confidence,
            classes=choice.classes or None,
            save=(),
            on_image=on_image,
            on_film=lambda *end: ends.append(end),
        )
        if not ends:
            raise ValueError(problems[0])
        ((end, film),) = ends
        write_json(frames, records)
    except (ValueError, OSError) as error:
        return Answer(_without_folder(error, path))
    seconds = time.perf_counter() - start
    status = f"{counted(end.frames, 'frame')} of {name} looked at in {seconds:.1f} s"
    return Answer(
        "; ".join([status, *(_without_folder(problem, path) for problem in problems)]),
        [(label, str(count)) for label, count in end.frames_with.items()],
        film and film.rename(drawn),
        records,
    )


def _stated_length(path, name):
    """Returns the number of frames that a video states, or None if it states none."""
    with open(path, "rb") as file:
        kind = kind_of(file, name)
    if kind not in (Kind.VIDEO, Kind.WEBP_ANIMATION):  # find_inputs takes texts for lists of paths
        raise ValueError(f"{name}: expected a video")
    (found,) = find_inputs(path)
    length = found.video and found.video.frame_count
    _check_length(length or 0, name)
    return length


def _check_length(frames, name):
    if frames > MAX_FRAMES:
        raise ValueError(
            f"{name}: the video has more than {MAX_FRAMES} frames; the command keras-ssd detect "
            "takes videos of any length"
        )


def _files(folder, name, ending):
    """Returns the paths of the drawn picture or film, and of the records."""
    return [folder / f"{Path(name).stem}-detections{suffix}" for suffix in (ending, ".json")]


def _row(one):
    box = ", ".join(f"{value:.0f}" for value in one.box)
    return one.name, f"{one.score:.2f}", box


def _without_folder(error, path):
    """Returns the message of an error with the name of a file in place of its path."""
    return str(error).replace(path, Path(path).name)
