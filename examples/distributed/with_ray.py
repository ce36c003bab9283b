"""Finds objects in any number of images with Ray Data, on one machine or a cluster.

python with_ray.py "photos/*.jpg" found --workers 2
RAY_ADDRESS=head:6379 python with_ray.py "s3://mine/*.jpg" s3://mine/found --workers 64

Writes found/results/block-*.jsonl with a row for each image, and found/dead_letters/block-*.jsonl
with a row for each image that cannot be used, and the reason. The same command again does only
what is missing; README.md says more.
"""

import argparse
import hashlib
import json
import sys
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import ray

from keras_ssd import load_detector
from keras_ssd.images import decode_image
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.inference.selection import check_thresholds

MAX_BYTES = 50_000_000  # of an image file; 16 of them are in a worker's memory
OBJECT = {"label": pa.string(), "score": pa.float32(), "box": pa.list_(pa.float32())}
IMAGE = {"image": pa.string(), "height": pa.int32(), "width": pa.int32()}
SCHEMAS = {
    "results": pa.schema({**IMAGE, "objects": pa.list_(pa.struct(OBJECT))}),
    "dead_letters": pa.schema({"image": pa.string(), "reason": pa.string()}),
}


class DetectBlock:
    """A worker process. It loads one detector, and writes the two shards of each block."""

    def __init__(self, output: str, model: str, confidence: float):
        self._files, self._output = fsspec.url_to_fs(output)
        self._detector, self._confidence = load_detector(model, num_threads=1), confidence

    def __call__(self, block: dict[str, Any]) -> dict[str, Any]:
        name, images = block["name"], block["images"]
        results, dead_letters = (f"{self._output}/{kind}/{name}" for kind in SCHEMAS)
        # The results are written last, so if they are there, an earlier attempt did the block.
        if not self._files.exists(results):
            rows, bad = detect_images(self._detector, read_files(images), self._confidence)
            write_rows(self._files, dead_letters, bad, SCHEMAS["dead_letters"])
            write_rows(self._files, results, rows, SCHEMAS["results"])
        return {"name": name}


def split(images: list[str], size: int, settings: str, suffix: str) -> dict[str, list[str]]:
    """Returns blocks of images under a name that depends on the images and the settings."""
    blocks = {}
    for start in range(0, len(images), size):
        block = images[start : start + size]
        digest = hashlib.sha256("\n".join([settings, *block]).encode()).hexdigest()
        blocks[f"block-{start // size:06}-{digest[:12]}.{suffix}"] = block
    return blocks


def read_files(paths: list[str]) -> Iterator[tuple[str, bytes | Exception]]:
    """Yields each path with the file's first MAX_BYTES + 1 bytes, or the error of reading it."""
    files, _ = fsspec.url_to_fs(paths[0])
    for start in range(0, len(paths), 16):  # which a file system of a cloud reads at once
        some = paths[start : start + 16]
        yield from zip(some, files.cat_ranges(some, 0, MAX_BYTES + 1), strict=True)


def detect_images(
    detector: ObjectDetector, files: Iterable[tuple[str, bytes | Exception]], confidence: float
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Returns a row with objects for each image, and one with the reason for each bad file.

    Args:
        detector: any kind of detector.
        files: pairs of a path and the file's bytes, or the error of reading it.
        confidence: the lowest score of an object.
    """
    paths, dead_letters = [], []

    def images() -> Iterator[Any]:  # a thread of the detector goes through them, ahead of it
        for path, data in files:
            try:
                if isinstance(data, Exception):
                    raise ValueError(f"{path}: {data}")
                if len(data) > MAX_BYTES:
                    raise ValueError(f"{path}: the file has more than {MAX_BYTES} bytes")
                image = decode_image(data, path)
            except ValueError as error:
                dead_letters.append({"image": path, "reason": str(error)})
            else:
                paths.append(path)
                yield image

    results = []
    for number, found in enumerate(detector.detect(images(), confidence_threshold=confidence)):
        height, width = found.size
        objects = [{key: record[key] for key in OBJECT} for record in found.to_records()]
        results.append(
            {"image": paths[number], "height": height, "width": width, "objects": objects}
        )
    return results, dead_letters


def write_rows(files: fsspec.AbstractFileSystem, path: str, rows: list, schema: pa.Schema) -> None:
    """Writes a shard. It gets its name once it is whole, and replaces one of an earlier attempt."""
    if path.endswith(".jsonl"):
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    else:
        pq.write_table(pa.Table.from_pylist(rows, schema), file := pa.BufferOutputStream())
        data = file.getvalue().to_pybytes()
    folder = path.rpartition("/")[0]
    unfinished = f"{folder}/_{uuid.uuid4().hex}"  # readers of folders leave out such names
    files.pipe_file(unfinished, data)
    files.mv(unfinished, path)


def find_shards(files: fsspec.AbstractFileSystem, folder: str, name: str = "*") -> set[str]:
    """Returns the names of the shards that are in the folder."""
    files.invalidate_cache()
    return {path.rpartition("/")[2] for path in files.glob(f"{folder}/{name}/block-*")}


def main(arguments: list[str]) -> None:
    """Detects in all blocks that have no shards yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("images", help="the pattern of image files, of any file system that fsspec reads")
    add("output", help="the folder to write to")
    add("--model", default="ssd_mobilenet_320_voc_int8", help="a preset or an exported file")
    add("--confidence", type=float, default=0.25, help="the lowest score of an object")
    add("--format", choices=["jsonl", "parquet"], default="jsonl", help="the format of the shards")
    add("--workers", type=int, default=2, help="the number of workers; each takes one CPU")
    add("--block-size", type=int, default=256, help="the number of images of a shard")
    options = parser.parse_args(arguments)
    try:
        if options.workers < 1 or options.block_size < 1:
            raise ValueError("--workers, --block-size: expected 1 or more")
        check_thresholds(options.confidence)
        load_detector(options.model, num_threads=1)  # here, so that no worker meets a wrong one
    except (ImportError, ValueError) as error:
        parser.error(str(error))
    source, pattern = fsspec.url_to_fs(options.images)
    images = sorted(source.glob(pattern))
    if "://" in options.images:
        images = [source.unstrip_protocol(path) for path in images]
    if not images:
        parser.error(f"images: no file matches {options.images}")
    settings = json.dumps([options.model, options.confidence])
    blocks = split(images, options.block_size, settings, options.format)
    files, folder = fsspec.url_to_fs(options.output)
    if strange := find_shards(files, folder) - blocks.keys():
        parser.error(f"output: {min(strange)} is of other images or options; name a new folder")
    for name in SCHEMAS:
        files.makedirs(f"{folder}/{name}", exist_ok=True)
    done = find_shards(files, folder, "results")
    todo = [{"name": name, "images": blocks[name]} for name in blocks if name not in done]
    print(f"{len(images)} images in {len(blocks)} blocks, {len(done)} of them done before")
    if todo:
        absolute = files.unstrip_protocol(folder)  # for workers, which run in other folders
        ray.data.DataContext.get_current().max_errored_blocks = -1  # the others go on
        ray.data.from_items(todo, override_num_blocks=min(len(todo), 32 * options.workers)).map(
            DetectBlock,
            fn_constructor_args=(absolute, options.model, options.confidence),
            compute=ray.data.ActorPoolStrategy(size=options.workers),
            num_cpus=1,
        ).materialize()
    if missing := blocks.keys() - find_shards(files, folder, "results"):
        sys.exit(f"{len(missing)} blocks failed; the same command again does only these")
    print(f"The shards are in {options.output}")


if __name__ == "__main__":
    main(sys.argv[1:])
