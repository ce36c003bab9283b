"""Detects objects in inputs of any kind, and writes what was found into a folder."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from keras_ssd.files import as_many
from keras_ssd.inference.pipeline import detect_frames
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.inference.selection import DEFAULT_CONFIDENCE, Thresholds
from keras_ssd.inference.tiles import Tiles
from keras_ssd.inputs import Sources
from keras_ssd.outputs.entry import FilmEnd
from keras_ssd.outputs.finished import Finished
from keras_ssd.outputs.finished import resume as resumed
from keras_ssd.outputs.names import Names
from keras_ssd.outputs.opening import open_journal
from keras_ssd.outputs.pictures import FORMATS
from keras_ssd.outputs.reading import Reading, run_inputs
from keras_ssd.outputs.result_files import RESULT_FILES, check_formats, write_result_files
from keras_ssd.outputs.showing import Preview, Window
from keras_ssd.outputs.writing import Draw, RunFolder, Writer
from keras_ssd.results.detections import Detections
from keras_ssd.results.drawing import draw_detections
from keras_ssd.terminal import track_frames
from keras_ssd.tracking import Tracker, follow


def detect_to_folder(
    detector: ObjectDetector,
    sources: Sources,
    output: str | Path,
    *,
    confidence_threshold: Thresholds = DEFAULT_CONFIDENCE,
    classes: Iterable[str] | None = None,
    batch_size: int = 8,
    tiles: Tiles = None,
    every: int = 1,
    limit: int | None = None,
    recursive: bool = False,
    save: Iterable[str] = ("json",),
    pictures: str | None = "jpg",
    crops: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    settings: Mapping[str, Any] | None = None,
    on_image: Callable[[Detections, Path | None], object] | None = None,
    on_film: Callable[[FilmEnd, Path | None], object] | None = None,
    on_problem: Callable[[str], object] | None = None,
    draw: Draw = draw_detections,
    show: Window | None = None,
    draw_shown: Draw | None = None,
    tracker: Tracker | None = None,
) -> list[str]:
    """Writes each image and video with its objects drawn, and files with all detections.

    `dog.png` becomes `dog.jpg`, and `film.avi` becomes `film.mp4` with the source's frames, times
    and sound. If several inputs have the same name, the later ones become `dog-2.jpg`,
    `dog-3.jpg`. No file is replaced that another program wrote, nor any input. A source that fails
    does not stop the rest.

    Each finished image and frame is at once in the file `journal.jsonl`. The result files are
    written from it when the run ends, also by Ctrl-C or by an error; a killed run goes on with
    `resume`, as if it had not ended. Drawing and writing are done in a thread beside the network.

    Examples:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import keras_ssd, numpy as np
        >>> from keras_ssd.outputs import detect_to_folder
        >>> detector = keras_ssd.load_detector("ssd_mobilenet_320_voc_int8")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     problems = detect_to_folder(detector, [np.zeros((90, 120, 3), np.uint8)], folder)
        ...     print(problems, sorted(path.name for path in Path(folder).iterdir()))
        [] ['0.jpg', 'detections.json', 'journal.jsonl']

    Args:
        detector: any kind of detector.
        sources: the images, videos, folders and others, as in `keras_ssd.inputs.find_inputs`.
        output: the folder to write to; it is made if it does not exist.
        confidence_threshold, classes, batch_size, tiles, recursive: as in `ObjectDetector.detect`.
        every: the distance of the frames of a video that are looked at: of 3, the frames 0, 3, 6.
            A film shows the boxes in the frames between as well.
        limit: the number of images and frames after which the run ends, with the frames between;
            None looks at all.
        save: the formats of the result files: some of "json" (detections.json), "jsonl", "csv",
            "coco" (coco.json), "voc" and "yolo" (folders with a file for each image or frame).
        pictures: "jpg" or "png"; None writes neither pictures nor films.
        crops: whether each object is also cut out, into the folder `crops`, by class.
        resume: whether to go on with the run in the folder, if there is one. Its detector and the
            other arguments must be the same; sources may be added.
        overwrite: whether to replace the results in the folder. Pictures stay if no new one has
            their name.
        settings: further settings, which a run that goes on must share, such as the model's name.
        on_image: a function that is called with the detections in each image and frame that was
            looked at, and the path of its picture or None, once it is written.
        on_film: a function that is called with the end of each video and the path of its film or
            None, once it is written. Both functions are called in the thread that writes.
        on_problem: a function that is called with each problem as soon as it is known, in any
            thread.
        draw: a function that returns an image with the objects drawn into a copy. It is called in
            the thread that writes, with the frames in order.
        show: a window to show each picture in as well; the run ends where the user closes it.
        draw_shown: a function like `draw` for the window, which is called in another thread with
            the frames in order; None takes `draw`.
        tracker: gives objects in videos numbers that they keep, as in `ObjectDetector.track`;
            images without order are problems then. Such a run cannot go on with `resume`.

    Returns:
        The problems: one message for each source that could not be read (to its end) or drawn.

    Raises:
        ValueError: `output` is not a folder, or holds results and neither `resume` nor `overwrite`
            is True; the earlier run had other settings; a tracked run shall go on; or an argument
            is out of range.
        OSError: a file cannot be written.
    """
    formats = check_formats(save)
    _check_arguments(pictures, every, limit)
    if tracker is not None and resume:
        raise ValueError(
            "resume: a run that tracks objects cannot go on, because their numbers would begin anew"
        )
    output, ending = Path(output), pictures and f".{pictures}"
    problems: list[str] = []

    def add_problem(error: ValueError | str) -> None:
        problems.append(str(error))
        if on_problem is not None:
            on_problem(problems[-1])

    readings: list[Reading] = []  # one, which begins when the folder is open
    results = detect_frames(  # checks its arguments at once
        detector,
        (frame for reading in readings for frame in reading.frames()),
        confidence_threshold=confidence_threshold,
        classes=classes,
        batch_size=batch_size,
        tiles=tiles,
        on_error=add_problem,
        with_images=ending is not None or crops or show is not None,
    )
    pairs = results if tracker is None else follow(results, tracker, on_error=add_problem)
    shared = {
        "confidence": confidence_threshold,
        "classes": classes if classes is None else sorted(as_many(classes)),
        **{"tiles": tiles, "every": every, "limit": limit, "pictures": pictures, "crops": crops},
        **({} if tracker is None else {"tracked": True}),
        **(settings or {}),
    }
    journal = open_journal(
        output, shared, detector.class_names, formats, resume=resume, overwrite=overwrite
    )
    with closing(journal):
        finished = resumed(journal, output, ending, every) if resume else Finished()
        for problem in finished.problems:
            add_problem(problem)
        names = Names(output, ending, replaceable=journal.replaces)
        for name, is_film in finished.names.items():
            names.take(name, is_film=is_film)
        inputs = run_inputs(sources, names, recursive=recursive)
        reading = Reading(
            inputs, names, finished, every=every, between=ending is not None, limit=limit
        )
        readings.append(reading)
        folder = RunFolder(output, journal, draw, add_problem, ending, crops, on_image, on_film)
        there = [
            name for name in RESULT_FILES if resume and (output / RESULT_FILES[name][0]).exists()
        ]
        formats = check_formats([*formats, *there])
        try:
            preview = None if show is None else Preview(show, draw_shown or draw)
            _run(results, pairs, reading, Writer(folder), preview)
        except BaseException:
            with suppress(OSError):  # the first error says more
                if journal.has_entries():  # else the folder is free for another run
                    write_result_files(journal, output, formats)
            raise
        if journal.has_entries() or not problems:
            write_result_files(journal, output, formats)
    return problems


def _check_arguments(pictures, every, limit):
    if pictures is not None and pictures not in FORMATS:
        raise ValueError(f"pictures: expected {', '.join(FORMATS)} or None, not {pictures!r}")
    for name, value in (("every", every), ("limit", limit)):
        if value is not None and value < 1:
            raise ValueError(f"{name}: expected 1 or more, not {value}")


def _run(results, pairs, reading, writer, preview):
    """Hands over all frames to the writer, and each input when its last frame was handed over.

    `pairs` are made from the results, which are closed at the end.
    """
    try:
        with closing(results), track_frames("Detecting") as progress:
            for frame, found in pairs:
                while reading.items[0] is not frame.item:
                    writer.end(reading.items.popleft())
                writer.put(frame.item, frame, None if frame.only_shown else found)
                progress(1, reading.total)
                if preview is not None and not preview.show(frame, found):
                    return
        while reading.items:
            writer.end(reading.items.popleft())
    finally:
        writer.close()
        if preview is not None:
            preview.close()
