"""Checks a `.keras` file before Keras builds a model from it.

A `.keras` file is a zip archive of the model's graph (config.json) and its weights (an HDF5 file).
A damaged or hostile file may declare gigabytes in a few kilobytes. The checks keep the memory that
is needed to open it in proportion to its size.
"""

import io
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
# The largest size in bytes of each member, unpacked. SSD512 with an optimizer's state takes 0.4e9,
# and its config 0.2e6.
_LARGEST = {_CONFIG: 4_000_000, _METADATA: 100_000, _WEIGHTS: 4_000_000_000}
_LARGEST_DIRECTORY = 10_000  # bytes of the archive's list of members
_MAX_EXPANSION = 50  # bytes of weights for each byte of the file; well-packed weights have 2
_SMALL = 10_000_000  # bytes of weights that may be packed in any way
_MAX_OBJECTS = 100_000  # groups and arrays of the weights
_END_OF_ARCHIVE, _END_OF_LARGE_ARCHIVE = b"PK\x05\x06", b"PK\x06\x07"
# The settings of a Detector, as its `get_config` has them.
_THRESHOLDS = {"confidence_threshold", "iou_threshold", "max_detections", "top_k"}
_SETTINGS = {"name", "ssd", "class_names", *_THRESHOLDS}
# The settings of Keras's layers that give the size of a weight.
_DIMENSIONS = {"filters", "units", "depth_multiplier", "kernel_size", "output_dim", "input_dim"}


def check_keras_file(path: str | Path) -> None:
    """Checks that a file may contain a detector, without building the model.

    Raises:
        ValueError: the file is damaged, contains another model, or declares sizes that its weights
            do not have. The message does not name the file.
    """
    _check_end(Path(path))
    with zipfile.ZipFile(path) as archive:
        _check_members(archive)
        config = json.loads(archive.read(_CONFIG))
        _check_is_detector(config)
        dimension = _checked_dimension(archive.read(_WEIGHTS), Path(path).stat().st_size)
    for name, value in _settings(config):
        sides = value if isinstance(value, list) else [value]
        if name == "mask" and value is not None:
            raise ValueError("a layer takes a mask, which no layer of an SSD does")
        if name in _DIMENSIONS and any(isinstance(n, int) and n > dimension for n in sides):
            raise ValueError(f"a layer has {name}={value}, but no weight is that long")


def _check_end(path):
    """Checks the length of the archive's list of members, because zipfile reads it at once."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 66_000))  # the end may be followed by a comment of 65,535 bytes
        tail = file.read()
    end = tail.rfind(_END_OF_ARCHIVE)
    if end < 0 or len(tail) < end + 22:
        raise ValueError("the file is damaged, or not a .keras file")
    directory_size = int.from_bytes(tail[end + 12 : end + 16], "little")
    if directory_size > _LARGEST_DIRECTORY or _END_OF_LARGE_ARCHIVE in tail[max(0, end - 20) : end]:
        raise ValueError("the archive is larger than that of a detector")


def _check_members(archive):
    names = archive.namelist()
    if len(names) != len(set(names)) or not {_CONFIG, _WEIGHTS} <= set(names) <= set(_LARGEST):
        raise ValueError(f"expected the members {', '.join(_LARGEST)}, not {', '.join(names)}")
    for member in archive.infolist():
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{member.filename} is packed by a method that Keras does not use")
        largest = _LARGEST[member.filename]
        if member.filename == _WEIGHTS:
            largest = min(largest, max(_SMALL, _MAX_EXPANSION * member.compress_size))
        if member.file_size > largest:
            raise ValueError(
                f"{member.filename} unpacks from {member.compress_size} to {member.file_size} "
                f"bytes; expected at most {largest}"
            )


def _check_is_detector(config):
    if not isinstance(config, dict):
        raise ValueError("config.json describes no model")
    registered_name = config.get("registered_name")
    if registered_name == "keras_ssd>Detector":
        settings = config.get("config")
        if (
            not isinstance(settings, dict)
            or not {"ssd", "class_names"} <= set(settings) <= _SETTINGS
        ):
            found = ", ".join(settings) if isinstance(settings, dict) else repr(settings)
            raise ValueError(f"expected the settings {', '.join(sorted(_SETTINGS))}, not {found}")
        return
    if registered_name == "keras_ssd>SSD":
        raise ValueError(
            "it holds an SSD, the network without class names; expected a Detector. Load it by "
            "keras.saving.load_model and save keras_ssd.Detector(ssd, class_names)"
        )
    if ("registered_name", "keras_ssd>DecodeDetections") in _settings(config):
        raise ValueError(
            "it was saved by keras-ssd before version 0.1.0, which this version does not open; "
            "train the detector anew (keras-ssd train), or convert its checkpoint again "
            "(keras-ssd convert)"
        )
    kind = registered_name or config.get("class_name")
    raise ValueError(f"it holds a model of class {kind!r}; expected a Detector of keras-ssd")


def _checked_dimension(content, file_size):
    """Returns the longest side of all arrays in the weights, after a check of their total size."""
    total, longest, count = 0, 0, 0

    def check(name, item):
        nonlocal total, longest, count
        count += 1
        if count > _MAX_OBJECTS:
            raise ValueError(f"the weights have more than {_MAX_OBJECTS} parts")
        if isinstance(item, h5py.Group):
            return
        if item.dtype.kind not in "fiub" or item.external or item.is_virtual:
            raise ValueError(f"the weight {name} is not an array of numbers")
        total += math.prod(item.shape) * item.dtype.itemsize
        longest = max([longest, *item.shape])

    with h5py.File(io.BytesIO(content)) as weights:
        weights.visititems(check)
    if total > max(_SMALL, _MAX_EXPANSION * file_size):
        raise ValueError(f"the weights take {total} bytes, the file only {file_size}")
    return longest


def _settings(config: Any) -> Iterator[tuple[str, Any]]:
    """Yields all keys and values in a tree of dictionaries and lists."""
    waiting = [config]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield from node.items()
            waiting += node.values()
        elif isinstance(node, list):
            waiting += node
