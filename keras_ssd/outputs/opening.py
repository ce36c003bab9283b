"""Opens the folder of a run: a new one, one to go on with, or one to replace."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_ssd.outputs.journal import FILE_NAME, Journal
from keras_ssd.outputs.result_files import RESULT_FILES

_HOW = "resume=True (--resume) goes on with it, overwrite=True (--overwrite) replaces it"


def open_journal(
    folder: Path,
    settings: Mapping[str, Any],
    class_names: Sequence[str],
    formats: Iterable[str],
    *,
    resume: bool,
    overwrite: bool,
) -> Journal:
    """Opens the journal of a run, and makes its folder if it does not exist.

    Args:
        folder: the folder of the run.
        settings: the settings that a run which goes on must share with the earlier one.
        class_names: the names of all classes that the detector knows.
        formats: the formats of the result files that the run will write.
        resume: whether to go on with the run in the folder, if there is one.
        overwrite: whether to replace the results in the folder.

    Returns:
        The journal. Its `replaces` are the names in the earlier run that is replaced.

    Raises:
        ValueError: the folder is not one; it holds results and neither `resume` nor `overwrite` is
            True; or the earlier run had other settings.
        OSError: the journal cannot be written.
    """
    if resume and overwrite:
        raise ValueError("resume: cannot be True together with overwrite")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"output: expected a folder, not {folder} ({error.strerror})") from error
    path = folder / FILE_NAME
    settings = json.loads(json.dumps(settings))  # as they come back from the file
    earlier = _earlier(path, damaged_is_none=overwrite)
    if earlier is not None and resume:
        old = {**earlier.settings, "class names": list(earlier.class_names)}
        try:
            _check_same(folder, old, {**settings, "class names": list(class_names)})
        except ValueError:
            earlier.close()
            raise
        return earlier
    if not overwrite:
        crops = ["crops"] if settings.get("crops") else []
        _check_new(folder, earlier, [RESULT_FILES[name][0] for name in formats] + crops)
    replaces: set[str] = set()
    if earlier is not None:
        replaces = earlier.replaces | {line.values["name"] for line in earlier.lines()}
        _remove_texts(folder, earlier)
        earlier.close()
    return Journal.create(path, settings, class_names, replaces=replaces)


def _earlier(path, damaged_is_none):
    """Returns the journal that is there, or None if there is none, or it says nothing."""
    try:
        journal = Journal(path)
    except FileNotFoundError:
        return None
    except ValueError:
        if damaged_is_none or not path.stat().st_size:
            return None
        raise
    if not journal.replaces and not journal.has_entries():
        journal.close()
        return None
    return journal


def _check_new(folder, earlier, names):
    if earlier is not None:
        earlier.close()
        raise ValueError(f"{folder}: holds the results of an earlier run; {_HOW}")
    for name in names:
        path = folder / name
        if path.exists():
            raise ValueError(f"{path}: exists already; overwrite=True (--overwrite) replaces it")


def _check_same(folder, old, new):
    for name in [*old, *new]:
        if old.get(name) != new.get(name):
            raise ValueError(
                f"{folder}: the earlier run had another setting: {name} {old.get(name)!r:.200}, "
                f"not {new.get(name)!r:.200}; it can only go on with the same settings"
            )


def _remove_texts(folder, earlier):
    """Removes what an earlier run wrote for each of its images besides pictures."""
    for entry in earlier.entries():
        (folder / "voc" / f"{entry.stem}.xml").unlink(missing_ok=True)
        (folder / "yolo" / "labels" / f"{entry.stem}.txt").unlink(missing_ok=True)
    for name in ("detections.json", "detections.jsonl", "detections.csv", "coco.json"):
        (folder / name).unlink(missing_ok=True)
