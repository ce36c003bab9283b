"""Finds objects in any number of images with Apache Beam, on one machine or a cluster.

python with_beam.py "photos/*.jpg" found --direct_running_mode multi_processing \
    --direct_num_workers 2
python with_beam.py "gs://mine/*.jpg" gs://mine/found --runner DataflowRunner ...

Writes found/results/part-*.jsonl with a row for each image, and found/dead_letters/part-*.jsonl
with a row for each image that cannot be used, and the reason. Options that are not listed below
are Beam's own; README.md says more.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.io.fileio import MatchFiles
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils.shared import Shared

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


class DetectObjects(beam.DoFn):
    """Makes rows of batches of paths. The detector is loaded once in each worker process."""

    def __init__(self, model: str, confidence: float):
        self._model, self._confidence = model, confidence
        self._shared = Shared()

    def setup(self):
        self._detector = self._shared.acquire(lambda: load_detector(self._model, num_threads=1))

    def process(self, paths):
        with ThreadPoolExecutor(8) as pool:
            files = zip(paths, pool.map(read_file, paths), strict=True)
            results, dead_letters = detect_images(self._detector, files, self._confidence)
        yield from results
        for row in dead_letters:
            yield beam.pvalue.TaggedOutput("dead_letters", row)


def read_file(path: str) -> bytes | Exception:
    """Reads at most MAX_BYTES + 1 bytes of a file; an error is returned."""
    try:
        with FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            return file.read(MAX_BYTES + 1)
    except Exception as error:  # each file system raises errors of its own
        return error


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


def write_rows(rows: beam.PCollection, name: str, options: argparse.Namespace) -> None:
    """Writes rows to shards. A shard gets its name once a runner has all its rows for good."""
    prefix = FileSystems.join(options.output, name, "part")
    shards = {"file_name_suffix": f".{options.format}", "num_shards": options.shards}
    if options.format == "parquet":
        write = beam.io.WriteToParquet(prefix, SCHEMAS[name], **shards)
    else:
        rows |= f"{name} as JSON" >> beam.Map(json.dumps)
        write = beam.io.WriteToText(prefix, **shards)
    rows | f"write {name}" >> write


def absolute(path: str) -> str:
    """Makes a path of this machine independent of the folder that a worker runs in."""
    return path if "://" in path else str(Path(path).absolute())


def has_files(folder: str) -> bool:
    """Tells whether there are files in a folder, or in a folder of it."""
    try:
        (found,) = FileSystems.match([FileSystems.join(folder, "**")], limits=[1])
    except BeamIOError:  # of HDFS, if there is no such folder
        return False
    return bool(found.metadata_list)


def main(arguments: list[str]) -> None:
    """Runs the pipeline to its end."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # which might take an option of Beam for one of these
    )
    add = parser.add_argument
    add(
        "images",
        type=absolute,
        help="the pattern of image files, of any file system that Beam reads",
    )
    add("output", type=absolute, help="the folder to write to, which must be new or empty")
    add("--model", default="ssd_mobilenet_320_voc_int8", help="a preset or an exported file")
    add("--confidence", type=float, default=0.25, help="the lowest score of an object")
    add("--format", choices=["jsonl", "parquet"], default="jsonl", help="the format of the shards")
    add("--shards", type=int, default=0, help="the number of shards; 0 lets the runner choose")
    options, of_beam = parser.parse_known_args(arguments)
    try:
        check_thresholds(options.confidence)
        load_detector(options.model, num_threads=1)  # here, so that no worker meets a wrong one
    except (ImportError, ValueError) as error:
        parser.error(str(error))
    (images,) = FileSystems.match([options.images], limits=[1])
    if not images.metadata_list:
        parser.error(f"images: no file matches {options.images}")
    if has_files(options.output):
        parser.error(f"output: {options.output} has files; name a new folder")
    with beam.Pipeline(options=PipelineOptions(of_beam)) as pipeline:
        rows = (
            pipeline
            | MatchFiles(options.images)
            | beam.Map(lambda file: file.path)
            | beam.Reshuffle()  # so that all workers get images, and not only the one that lists
            | beam.BatchElements(min_batch_size=16, max_batch_size=16)
            | beam.ParDo(DetectObjects(options.model, options.confidence)).with_outputs(
                "dead_letters", main="results"
            )
        )
        write_rows(rows.results, "results", options)
        write_rows(rows.dead_letters, "dead_letters", options)
    print(f"The shards are in {options.output}")


if __name__ == "__main__":
    main(sys.argv[1:])
