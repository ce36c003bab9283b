"""Hostile PyTorch files; hostile pickles are in test_hostile_pickles.py."""

import io
import os
import pickle
import pickletools
import zipfile
from pathlib import Path

import pytest

from keras_ssd.checkpoints.torch import read_torch_checkpoint
from keras_ssd.checkpoints.torch_unpickler import UnsafeCheckpointError

torch = pytest.importorskip("torch", reason="writes the checkpoints that are tampered with here")

LEGACY = {"_use_new_zipfile_serialization": False}
formats = pytest.mark.parametrize("options", [{}, LEGACY], ids=["zip", "legacy"])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.pth"


def to_zip(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)


def members_of(path):
    with zipfile.ZipFile(path) as file:
        return {info.filename: file.read(info) for info in file.infolist()}


def save_with(path, options, old, new):
    """Saves 24 numbers and replaces some bytes of the pickle; the checksums are right."""
    torch.save({"weight": torch.arange(24.0)}, path, **options)
    if options is LEGACY:
        data = path.read_bytes()
        assert data.count(old) == 1
        path.write_bytes(data.replace(old, new))
    else:
        members = members_of(path)
        pickled = members["checkpoint/data.pkl"]
        assert pickled.count(old) == 1
        to_zip(path, {**members, "checkpoint/data.pkl": pickled.replace(old, new)})


class Reduces:
    def __init__(self, function, argument):
        self.reduced = function, (argument,)

    def __reduce__(self):
        return self.reduced


@formats
def test_a_hostile_object_in_the_file_is_refused_before_it_runs(
    path, options, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    hostile = {"epoch": Reduces(os.system, "touch canary"), "model": {"weight": torch.ones(2)}}
    torch.save(hostile, path, **options)
    with pytest.raises(UnsafeCheckpointError, match=r"checkpoint\.pth: refused: .*posix\.system"):
        read_torch_checkpoint(path)
    assert not Path("canary").exists()
    torch.load(path, weights_only=False)
    assert Path("canary").exists()


@pytest.mark.parametrize("place", range(5))
def test_every_pickle_of_a_legacy_file_is_read_with_the_same_care(path, place):
    torch.save({"weight": torch.ones(2)}, path, **LEGACY)
    file = io.BytesIO(path.read_bytes())
    parts = []
    for _ in range(5):  # magic number, version, system, object, keys
        start = file.tell()
        list(pickletools.genops(file))
        parts.append(file.getvalue()[start : file.tell()])
    hostile = pickle.dumps(Reduces(os.system, "exit"), protocol=2)
    # the magic number, which tells the format, is still found among the first bytes
    parts[place] = parts[0][:2] + parts[0][2:-1] + hostile[2:] if place == 0 else hostile
    path.write_bytes(b"".join(parts) + file.read())
    with pytest.raises(UnsafeCheckpointError, match=r"posix\.system"):
        read_torch_checkpoint(path)


@formats
def test_a_storage_larger_than_the_file_is_refused(path, options):
    # the device in memo 6, then the number of elements
    save_with(path, options, b"q\x06K\x18", b"q\x06J\xff\xff\xff\x7f")
    with pytest.raises(ValueError, match=r"2147483647 numbers|cut off, or not as its tensors"):
        read_torch_checkpoint(path)


def test_a_legacy_file_whose_storage_length_lies_is_refused(path):
    for length in (-1, 25, 2**31, 2**62):
        torch.save({"weight": torch.arange(24.0)}, path, **LEGACY)
        head, tail = path.read_bytes()[: -24 * 4 - 8], path.read_bytes()[-24 * 4 :]
        path.write_bytes(head + length.to_bytes(8, "little", signed=True) + tail)
        with pytest.raises(ValueError, match="not as its tensors expect"):
            read_torch_checkpoint(path)


@formats
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(path, options):
    save_with(path, options, b"K\x18\x85", b"K\x19\x85")  # its shape
    with pytest.raises(UnsafeCheckpointError, match="reaches beyond the 24 numbers"):
        read_torch_checkpoint(path)


def test_a_compressed_archive_is_refused(path):
    torch.save({"weight": torch.zeros(1_000_000)}, path)
    to_zip(path, members_of(path), zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 10_000  # of 4 MB
    with pytest.raises(UnsafeCheckpointError, match="compressed"):
        read_torch_checkpoint(path)


def test_an_archive_whose_members_share_their_bytes_is_refused(path):
    torch.save({"weight": torch.zeros(100_000)}, path)
    with zipfile.ZipFile(path, "a") as file:
        [numbers] = [info for info in file.infolist() if info.filename.endswith("data/0")]
        file.filelist += [numbers] * 1000
        file._didModify = True  # has the directory written anew
    assert path.stat().st_size < 600_000
    with pytest.raises(UnsafeCheckpointError, match="larger than the file"):
        read_torch_checkpoint(path)


def test_a_member_whose_directory_entry_lies_about_its_size_is_refused(path):
    torch.save({"weight": torch.zeros(1000)}, path)
    with zipfile.ZipFile(path, "a") as file:
        [numbers] = [info for info in file.infolist() if info.filename.endswith("data/0")]
        numbers.file_size = numbers.compress_size = 2**40
        file._didModify = True
    with pytest.raises(UnsafeCheckpointError, match="larger than the file"):
        read_torch_checkpoint(path)


def test_an_archive_of_very_many_members_is_refused_soon(path):
    torch.save({"weight": torch.zeros(1)}, path)
    with zipfile.ZipFile(path, "a") as file:
        for number in range(10_001):
            file.writestr(f"checkpoint/{number}", b"")
    with pytest.raises(UnsafeCheckpointError, match="more than 10000 members"):
        read_torch_checkpoint(path)


def test_a_file_of_gigabytes_is_refused_before_it_is_read(path):
    with path.open("wb") as file:
        file.truncate(2**31 + 1)  # takes no room
    with pytest.raises(ValueError, match=r"checkpoint\.pth: expected at most 2147483648 bytes"):
        read_torch_checkpoint(path)
    path.unlink()
