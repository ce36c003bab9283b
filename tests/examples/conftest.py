"""What the tests of the examples share."""

import json
from pathlib import Path

import pytest
from pyarrow import parquet

PHOTOS = sorted((Path(__file__).parents[2] / "examples" / "photos").glob("*.jpg"))


@pytest.fixture(scope="session")
def bad_files():
    """The bytes of bad images, each with a part of its reason."""
    photo = PHOTOS[0].read_bytes()
    cut = photo[: len(photo) // 2]
    return [(b"", "empty"), (b"not an image", "not an image"), (cut, "cut off")]


@pytest.fixture(scope="session")
def rows_in():
    """Reads all shards of a folder: rows in the order of their images."""

    def read(folder: Path):
        rows = [row for path in folder.glob("[bp]*-*") for row in read_shard(path)]
        return sorted(rows, key=lambda row: row["image"])

    return read


@pytest.fixture(scope="session")
def lines_of():
    """Returns the lines that the scripts of OpenCV, OpenVINO and Coral print for detections."""

    def lines(found):
        return [
            f"{record['label']} {record['score']:.2f} at x1, y1, x2, y2 "
            f"{[round(float(corner)) for corner in record['box']]}"
            for record in found.to_records()
        ]

    return lines


def read_shard(path):
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text().splitlines()]
