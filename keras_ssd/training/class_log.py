"""The average precision of each class over the epochs of a run, as a table in a file."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from keras_ssd.files import write_text

ClassRows = list[tuple[int, dict[str, str]]]


def read_class_log(path: Path) -> ClassRows:
    """Returns (epoch, AP of each class as text) of each row of a file; [] if there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        (_, *names), *rows = csv.reader(file)
    return [(int(epoch), dict(zip(names, values, strict=True))) for epoch, *values in rows]


def add_to_class_log(path: Path, epoch: int, precisions: Mapping[str, float]) -> ClassRows:
    """Adds a row for an epoch, in place of those of this epoch and later ones.

    Args:
        path: the file, which is made if it does not exist.
        epoch: the number of the epoch, from 0.
        precisions: the average precision of each class by its name; nan without objects.

    Returns:
        All rows, as from `read_class_log`.
    """
    rows = [row for row in read_class_log(path) if row[0] < epoch]
    rows.append((epoch, {name: str(value) for name, value in precisions.items()}))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *precisions])
    writer.writerows(
        [number, *(values.get(name) for name in precisions)] for number, values in rows
    )
    write_text(path, text.getvalue().encode(errors="replace").decode())
    return rows
