"""The table of the formats in which a run saves its detections."""

from collections.abc import Callable, Iterable
from pathlib import Path

from keras_ssd.outputs.journal import Journal
from keras_ssd.outputs.result_files.write_coco import write_coco
from keras_ssd.outputs.result_files.write_csv import write_csv
from keras_ssd.outputs.result_files.write_json import write_json_array, write_json_lines
from keras_ssd.outputs.result_files.write_voc import write_voc
from keras_ssd.outputs.result_files.write_yolo import write_yolo

# For each format: the file or folder that is written into the run's folder, and its writer.
RESULT_FILES: dict[str, tuple[str, Callable[[Path, Journal], None]]] = {
    "json": ("detections.json", write_json_array),
    "jsonl": ("detections.jsonl", write_json_lines),
    "csv": ("detections.csv", write_csv),
    "coco": ("coco.json", write_coco),
    "voc": ("voc", write_voc),
    "yolo": ("yolo", write_yolo),
}


def check_formats(formats: Iterable[str]) -> tuple[str, ...]:
    """Returns the names of formats as a tuple.

    Raises:
        ValueError: a name is not one of RESULT_FILES.
    """
    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    for name in formats:
        if name not in RESULT_FILES:
            raise ValueError(f"save: expected some of {', '.join(RESULT_FILES)}, not {name!r}")
    return tuple(dict.fromkeys(formats))


def write_result_files(journal: Journal, folder: Path, formats: Iterable[str]) -> None:
    """Writes the result files from what the journal says, image by image.

    Each file is written whole or not at all. So is each file in the folders of "voc" and "yolo".

    Args:
        journal: the journal of the run.
        folder: the folder of the run.
        formats: some of the names in RESULT_FILES.

    Raises:
        OSError: a file cannot be written; the message names it.
        ValueError: the journal has been changed.
    """
    for name in formats:
        file_name, write = RESULT_FILES[name]
        try:
            write(folder / file_name, journal)
        except OSError as error:  # those of a full disk do not name the file
            raise OSError(error.errno, error.strerror, str(folder / file_name)) from error
