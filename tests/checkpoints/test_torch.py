import argparse
import pickle
import sys
import zipfile
from collections import Counter

import numpy as np
import pytest

from keras_ssd.checkpoints.torch import read_torch_checkpoint
from keras_ssd.checkpoints.torch_unpickler import UnsafeCheckpointError

torch = pytest.importorskip("torch", reason="writes the checkpoints that are read here")

LEGACY = {"_use_new_zipfile_serialization": False}
FORMATS = {
    "zip": {},
    "zip, protocol 4": {"pickle_protocol": 4},
    "legacy": LEGACY,
    "legacy, protocol 4": {"pickle_protocol": 4, **LEGACY},
}
formats = pytest.mark.parametrize("options", FORMATS.values(), ids=list(FORMATS))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.pth"


def tensors():
    """Returns tensors of every kind that a state dict may have."""
    numbers = torch.arange(24, dtype=torch.float32)
    shared = torch.randn(100)
    return {
        "kernel": torch.randn(3, 2, 5, 4),
        "transposed": numbers.reshape(4, 6).t(),
        "strided": numbers[3::4],
        "part": numbers.reshape(4, 6)[1:3, 2:5],
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "shared 1": shared[:10],
        "shared 2": shared[5:],
        "parameter": torch.nn.Parameter(torch.randn(7)),
        "double": torch.randn(2, 3, dtype=torch.float64),
        "half": torch.randn(9).half(),
        "scalar": torch.tensor(5),
        "int": torch.arange(-3, 3, dtype=torch.int32),
        "short": torch.arange(-3, 3, dtype=torch.int16),
        "char": torch.arange(-3, 3, dtype=torch.int8),
        "byte": torch.arange(250, 256).to(torch.uint8),
        "bool": torch.tensor([True, False, True]),
        "empty": torch.empty(0),
        "empty rows": torch.empty(0, 512),
    }


def to_zip(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)


def members_of(path):
    with zipfile.ZipFile(path) as file:
        return {info.filename: file.read(info) for info in file.infolist()}


@formats
def test_every_tensor_comes_out_as_pytorch_saved_it(path, options):
    saved = tensors()
    torch.save(saved, path, **options)
    read = read_torch_checkpoint(path)
    assert list(read) == list(saved)
    for name, tensor in saved.items():
        expected = tensor.detach().numpy()
        assert read[name].dtype == expected.dtype, name
        np.testing.assert_array_equal(read[name], expected, strict=True)


@formats
def test_bfloat16_becomes_float32_exactly(path, options):
    saved = torch.tensor([1.0, -2.5, 3e38, 1e-40, float("inf")]).bfloat16()
    torch.save({"weight": saved}, path, **options)
    read = read_torch_checkpoint(path)["weight"]
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, saved.float().numpy())


@formats
@pytest.mark.parametrize("key", ["state_dict", "model"])
def test_a_state_dict_is_found_beside_a_training_run_s_other_entries(path, options, key):
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.ones(3)).sum().backward()
    optimizer.step()
    checkpoint = {
        "epoch": 3,
        key: network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": {"milestones": Counter([80, 110]), "last": [1e-3, None, True]},
        "args": argparse.Namespace(lr=0.1, data="x", sizes=(1, 2)),
    }
    torch.save(checkpoint, path, **options)
    read = read_torch_checkpoint(path)
    assert list(read) == ["weight", "bias"]
    np.testing.assert_array_equal(read["weight"], network.weight.detach().numpy())


def test_big_endian_numbers_are_turned_round(path):
    torch.save({"weight": torch.tensor([1.0, 2.0])}, path)
    members = {
        name: content[::-1] if name.endswith("data/0") else content
        for name, content in members_of(path).items()
    }
    to_zip(path, {**members, "checkpoint/byteorder": b"big"})
    np.testing.assert_array_equal(read_torch_checkpoint(path)["weight"], np.float32([2, 1]))


@formats
def test_pytorch_is_not_needed(path, options, monkeypatch):
    torch.save({"weight": torch.ones(2)}, path, **options)
    for name in [name for name in sys.modules if name.split(".")[0] == "torch"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)  # an import of it fails
    np.testing.assert_array_equal(read_torch_checkpoint(path)["weight"], np.ones(2))


@formats
@pytest.mark.parametrize("value", [[], {}, 3, "text", {"weight": 3}, {"model": {}}, {3: "tensor"}])
def test_what_holds_no_state_dict_is_refused(path, options, value):
    if value == {3: "tensor"}:
        value = {3: torch.ones(2)}
    torch.save(value, path, **options)
    with pytest.raises(ValueError, match=r"checkpoint\.pth.*expected a state dict with tensors"):
        read_torch_checkpoint(path)


@formats
def test_a_whole_model_is_refused_with_what_to_do(path, options):
    torch.save(torch.nn.Linear(2, 2), path, **options)
    with pytest.raises(UnsafeCheckpointError, match=r"torch\.nn.*save model\.state_dict\(\)"):
        read_torch_checkpoint(path)


def test_a_torchscript_archive_is_refused_with_what_to_do(path):
    to_zip(path, {"m/data.pkl": b".", "m/code/__torch__.py": b"", "m/constants.pkl": b"."})
    with pytest.raises(ValueError, match=r"TorchScript.*save model\.state_dict\(\)"):
        read_torch_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is empty"),
        (b"\n<!DOCTYPE html><html>403 Forbidden</html>", "web page.*download it again"),
        (b"\x89PNG\r\n\x1a\n", "it begins with b'.x89PNG"),
        (pickle.dumps({"weight": 1}), "it begins with"),
    ],
)
def test_what_is_no_checkpoint_is_named(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"checkpoint\.pth: not a readable .*{message}"):
        read_torch_checkpoint(path)


def test_other_archives_are_no_checkpoints(path):
    to_zip(path, {"config.json": b"{}"})
    with pytest.raises(ValueError, match=r"has no data\.pkl"):
        read_torch_checkpoint(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere\.pth: No such file"):
        read_torch_checkpoint(tmp_path / "nowhere.pth")
    with pytest.raises(ValueError, match="Is a directory"):
        read_torch_checkpoint(tmp_path)


@formats
def test_a_file_cut_off_anywhere_is_an_error(path, options):
    torch.save({"weight": torch.randn(3, 4), "bias": torch.randn(3)}, path, **options)
    whole = path.read_bytes()
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"checkpoint\.pth"):
            read_torch_checkpoint(path)


def test_a_changed_number_in_a_zip_is_noticed(path):
    torch.save({"weight": torch.full((100,), 1.5)}, path)
    data = path.read_bytes()
    place = data.index(np.full(100, 1.5, np.float32).tobytes())
    path.write_bytes(data[:place] + b"\x01" + data[place + 1 :])
    with pytest.raises(ValueError, match="Bad CRC"):
        read_torch_checkpoint(path)


@formats
def test_damage_anywhere_is_an_error_or_goes_unnoticed_but_never_worse(path, options):
    torch.save({"weight": torch.randn(3, 4), "bias": torch.randn(3)}, path, **options)
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), size=3):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        try:
            read_torch_checkpoint(path)
        except ValueError:
            refused += 1
    assert refused > 100
