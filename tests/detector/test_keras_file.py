"""The sizes and settings in a `.keras` file are checked before it is unpacked or built."""

import io
import json
import zipfile

import h5py
import keras
import pytest

from keras_ssd.detector import keras_file

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (CONFIG, b" " * 5_000_000),
        (METADATA, b" " * 101_000),
        (WEIGHTS, bytes(60_000_000)),  # 58 kB of zeros, packed
    ],
)
def test_a_member_that_unpacks_to_too_much_is_refused(write, refused, name, content):
    path = write({name: content}, packed=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 200_000
    assert f"{name} unpacks from" in refused(path)


def test_a_declared_size_of_gigabytes_is_refused_before_anything_is_unpacked(
    write, refused, monkeypatch
):
    content = bytearray(write(packed=zipfile.ZIP_DEFLATED).read_bytes())
    entry = content.rindex(b"PK\x01\x02")  # of the last member, the weights
    content[entry + 20 : entry + 24] = (90_000_000).to_bytes(4, "little")  # packed
    content[entry + 24 : entry + 28] = (4_200_000_000).to_bytes(4, "little")  # unpacked
    path = write()
    path.write_bytes(content)
    monkeypatch.setattr(zipfile.ZipFile, "read", None)
    assert "to 4200000000 bytes; expected at most 4000000000" in refused(path)


def test_a_list_of_very_many_members_is_refused_before_it_is_read(write, refused, monkeypatch):
    path = write({f"member {number}": b"" for number in range(1000)})
    monkeypatch.setattr(zipfile, "ZipFile", None)
    assert "the archive is larger than that of a detector" in refused(path)


@pytest.mark.parametrize("name", ["assets/a.txt", "../a.txt", "model.weights.npz"])
def test_a_member_that_no_detector_has_is_refused(write, refused, name):
    message = refused(write({name: b"more"}))
    assert f"expected the members {CONFIG}, {METADATA}, {WEIGHTS}, not " in message
    assert name in message


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_member_is_refused(write, refused, members, name):
    rest = {other: content for other, content in members.items() if other != name}
    assert "expected the members" in refused(write(members=rest))


def test_a_member_that_comes_twice_is_refused(write, refused, members):
    path = write()
    with (
        zipfile.ZipFile(path, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr(CONFIG, members[CONFIG])
    assert "expected the members" in refused(path)


def test_a_packing_that_keras_does_not_use_is_refused(write, refused):
    assert "is packed by a method that Keras does not use" in refused(
        write(packed=zipfile.ZIP_LZMA)
    )


def weights_with(add):
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        add(file)
    return stream.getvalue()


def test_a_weight_of_gigabytes_that_is_not_in_the_file_is_refused(write, refused):
    weights = weights_with(
        lambda file: file.create_dataset("vars", (40_000, 50_000), "f4", compression="gzip")
    )
    assert "the weights take 8000000000 bytes, the file only" in refused(write({WEIGHTS: weights}))


def test_a_weight_that_is_in_another_file_is_refused(write, refused, tmp_path):
    weights = weights_with(
        lambda file: file.create_dataset(
            "vars", (4,), "f4", external=[(str(tmp_path / "secret"), 0, 16)]
        )
    )
    assert "the weight vars is not an array of numbers" in refused(write({WEIGHTS: weights}))


def test_weights_of_very_many_parts_are_refused(write, refused, monkeypatch):
    monkeypatch.setattr(keras_file, "_MAX_OBJECTS", 5)
    assert "the weights have more than 5 parts" in refused(write())


@pytest.mark.parametrize("filters", [10**5, 10**12])
def test_a_layer_larger_than_its_weights_is_refused_before_it_is_built(
    write, refused, members, filters, monkeypatch
):
    config = json.loads(members[CONFIG])
    layers = config["config"]["ssd"]["config"]["layers"]
    next(layer for layer in layers if layer["name"] == "conv")["config"]["filters"] = filters
    monkeypatch.setattr(keras.saving, "load_model", None)
    message = refused(write({CONFIG: json.dumps(config)}))
    assert f"a layer has filters={filters}, but no weight is that long" in message
