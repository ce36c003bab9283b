"""What the tests of the recipes in examples/distributed share."""

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


def read_shard(path):
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    return [json.loads(line) for line in path.read_text().splitlines()]
