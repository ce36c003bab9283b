"""Reads PyTorch checkpoints without PyTorch."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_ssd.checkpoints.torch_unpickler import (
    Storage,
    Tensor,
    UnsafeCheckpointError,
    read_pickle,
)

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001
_LARGEST_FILE = 2**31  # bytes
_MOST_MEMBERS = 10_000  # in a zip archive; a state dict has one member for each tensor


def read_torch_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Reads the tensors of a state dict that PyTorch saved, by name.

    Both formats of `torch.save` are read: zip (PyTorch 1.6 and later) and the older one. The file
    may contain the state dict itself, or a dictionary with it under "state_dict" or "model"; the
    other entries, such as an optimizer's state, are not read. Code in a hostile file is never run,
    and reading takes memory in proportion to the file's size.

    Args:
        path: a .pth or .pt file of at most 2 GiB.

    Returns:
        Name -> array, read-only, in the layout and dtype of the file; bfloat16 becomes float32.

    Raises:
        UnsafeCheckpointError: the file asks for more than tensors and plain data.
        ValueError: the file is missing, damaged, cut off, too large or in another format.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ValueError(f"{path}: expected at most {_LARGEST_FILE} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from error
    try:
        root, read_storage = _open(data)
        tensors = _find_state_dict(root)
        storages = {}
        for tensor in tensors.values():
            if tensor.storage.key not in storages:
                storages[tensor.storage.key] = read_storage(tensor.storage)
        return {name: _view(storages[t.storage.key], t) for name, t in tensors.items()}
    except UnsafeCheckpointError as error:
        raise UnsafeCheckpointError(f"{path}: refused: {error}") from error
    # zipfile raises these for damage, encryption (RuntimeError) and garbled fields, and NumPy for a
    # shape that has no elements but is too large.
    except (
        ValueError,
        zipfile.BadZipFile,
        EOFError,
        RuntimeError,
        struct.error,
        OverflowError,
    ) as error:
        raise ValueError(f"{path}: not a readable PyTorch checkpoint: {error}") from error


def _open(data: bytes) -> tuple[object, Callable[[Storage], np.ndarray]]:
    """Returns the saved object, and a function that reads one of its storages as a flat array."""
    if data.startswith(b"PK\x03\x04"):
        return _open_zip(data)
    if _LEGACY_MAGIC.to_bytes(10, "little") in data[:32]:
        return _open_legacy(data)
    if data.lstrip()[:1] == b"<":
        raise ValueError("it looks like a web page, perhaps an error message; download it again")
    raise ValueError(f"it begins with {data[:12]!r}" if data else "it is empty")


def _open_zip(data):
    # For every entry of 50 bytes, zipfile makes an object of half a kilobyte.
    if data.count(b"PK\x01\x02") > _MOST_MEMBERS:
        raise UnsafeCheckpointError(f"its zip archive has more than {_MOST_MEMBERS} members")
    file = zipfile.ZipFile(io.BytesIO(data))
    members = {info.filename: info for info in file.infolist()}
    # So no archive can unpack to more than itself.
    if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
        raise UnsafeCheckpointError("its zip archive is compressed, as PyTorch's never are")
    if sum(info.file_size for info in file.infolist()) > len(data):
        raise UnsafeCheckpointError("its zip archive claims to be larger than the file")
    folders = [name.split("/")[0] for name in members if name.split("/")[1:] == ["data.pkl"]]
    if len(folders) != 1:
        raise ValueError("its zip archive has no data.pkl of its own")
    folder = folders[0]
    if f"{folder}/constants.pkl" in members or any(
        name.startswith(f"{folder}/code/") for name in members
    ):
        raise ValueError("it is a TorchScript program; save model.state_dict() instead")
    byte_order = "little"
    if f"{folder}/byteorder" in members:
        byte_order = file.read(f"{folder}/byteorder").decode()
    if byte_order not in ("little", "big"):
        raise ValueError(f"its byte order is {byte_order[:20]!r}")

    def read_storage(storage):
        name = f"{folder}/data/{storage.key}"
        if name not in members:
            raise ValueError(f"it lacks the storage {name[:100]!a}")
        return _decode(file.read(name), storage, byte_order)

    root, _ = read_pickle(io.BytesIO(file.read(f"{folder}/data.pkl")))
    return root, read_storage


def _open_legacy(data):
    file = io.BytesIO(data)
    magic, version, _system = (read_pickle(file)[0] for _ in range(3))
    if magic != _LEGACY_MAGIC or version != _LEGACY_VERSION:
        raise ValueError(f"it is not of version {_LEGACY_VERSION}, the only one known")
    root, storages = read_pickle(file)
    keys, _ = read_pickle(file)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise ValueError("the list of its storages is missing")
    if sorted(keys) != sorted(storages):
        raise ValueError("its storages are not those that its tensors use")
    contents, view = {}, memoryview(data)
    for key in keys:  # each storage is a count of numbers, then the numbers
        size = int.from_bytes(file.read(8), "little", signed=True)
        if size != storages[key].size:
            raise ValueError(f"storage {key[:100]!a} is cut off, or not as its tensors expect")
        start = file.tell()
        end = start + size * _stored_dtype(storages[key]).itemsize
        contents[key] = view[start:end]
        file.seek(min(end, len(data)))
    return root, lambda storage: _decode(contents[storage.key], storage, "little")


def _stored_dtype(storage):
    return np.dtype("uint16" if storage.dtype == "bfloat16" else storage.dtype)


def _decode(content, storage, byte_order):
    dtype = _stored_dtype(storage)
    if len(content) != storage.size * dtype.itemsize:
        raise UnsafeCheckpointError(
            f"storage {storage.key[:100]!a} should have {storage.size} numbers of "
            f"{dtype.itemsize} bytes each, but the file has {len(content)} bytes for it"
        )
    numbers = np.frombuffer(content, dtype.newbyteorder(byte_order)).astype(dtype, copy=False)
    if storage.dtype == "bfloat16":  # the upper half of a float32
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    return numbers


def _find_state_dict(root) -> dict[str, Tensor]:
    tensors = root
    for name in ("state_dict", "model"):
        if isinstance(root, dict) and isinstance(root.get(name), dict):
            tensors = root[name]
            break
    if not isinstance(tensors, dict) or not tensors:
        raise ValueError(f"expected a state dict with tensors, not a {type(tensors).__name__}")
    for name, value in tensors.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(
                f"expected a state dict with tensors, but {ascii(name)[:100]} is a "
                f"{type(value).__name__}"
            )
    return tensors


def _view(numbers: np.ndarray, tensor: Tensor) -> np.ndarray:
    # The stride of an axis with at most one element is not used, so it may be any number.
    strides = [
        stride * numbers.itemsize if size > 1 else 0
        for size, stride in zip(tensor.shape, tensor.strides, strict=True)
    ]
    return np.lib.stride_tricks.as_strided(
        numbers[tensor.offset :], tensor.shape, strides, writeable=False
    )
