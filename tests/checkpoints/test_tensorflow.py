"""Checkpoints of TensorFlow, whole, damaged and hostile."""

import io
import tarfile

import numpy as np
import pytest
import tensorflow as tf

from keras_ssd.checkpoints.tensorflow import is_tensorflow_checkpoint, read_tensorflow_checkpoint

INDEX, DATA = "model.ckpt.index", "model.ckpt.data-00000-of-00001"
VARIABLES = {
    "a/weights": np.arange(6, dtype=np.float32).reshape(1, 2, 3),
    "a/BatchNorm/beta": np.float32([1, 2, 3]),
}


def save(prefix, variables):
    """Writes variables as TensorFlow 1's Saver does, under exactly these names."""
    prefix.parent.mkdir(exist_ok=True)
    names = sorted(variables)
    values = [tf.constant(variables[name]) for name in names]
    tf.raw_ops.SaveV2(
        prefix=str(prefix), tensor_names=names, shape_and_slices=[""] * len(names), tensors=values
    )
    return prefix


def assert_same(variables, expected):
    assert sorted(variables) == sorted(expected)
    for name, value in expected.items():
        assert variables[name].dtype == value.dtype
        np.testing.assert_array_equal(variables[name], value)


@pytest.fixture
def checkpoint(tmp_path):
    return save(tmp_path / "zoo" / "model.ckpt", VARIABLES)


def archive(path, members):
    """A .tar.gz of `members`, name -> bytes, or a TarInfo."""
    with tarfile.open(path, "w:gz") as file:
        for name, content in members:
            if isinstance(content, bytes):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
            else:
                file.addfile(content)
    return path


@pytest.fixture
def files(checkpoint):
    return {name: (checkpoint.parent / name).read_bytes() for name in (INDEX, DATA)}


@pytest.mark.parametrize("name", ["model.ckpt", INDEX, DATA, "model.ckpt.meta", "."])
def test_a_checkpoint_is_read_by_its_prefix_a_file_of_it_or_its_folder(checkpoint, name):
    path = checkpoint.parent / name
    assert is_tensorflow_checkpoint(path)
    assert_same(read_tensorflow_checkpoint(path), VARIABLES)
    assert_same(read_tensorflow_checkpoint(str(path)), VARIABLES)


def test_an_archive_is_read_whatever_folder_it_has_them_in(tmp_path, files):
    for number, folder in enumerate(("ssdlite_mobilenet_v2_coco_2018_05_09/", "./", "../../", "/")):
        members = [(f"{folder}{name}", content) for name, content in files.items()]
        other = (f"{folder}frozen_inference_graph.pb", b"not read")
        path = archive(tmp_path / f"{number}.tar.gz", [other, *members])
        assert is_tensorflow_checkpoint(path)
        assert_same(read_tensorflow_checkpoint(path), VARIABLES)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(f"{number}.tar.gz" for number in range(4)),
        "zoo",
    ]


def test_a_training_s_own_variables_are_left_out(tmp_path):
    state = {
        f"a/weights/{slot}": np.zeros(1, np.float32)
        for slot in ("ExponentialMovingAverage", "RMSProp", "RMSProp_1", "Momentum", "Adam_1")
    }
    other = {"global_step_2": np.float32([3]), "a/RMSProp/b": np.float32([4])}
    step = {"global_step": np.int64(7), "beta1_power": np.float32(0.9)}
    path = save(tmp_path / "model.ckpt-7", {**VARIABLES, **state, **step, **other})
    assert_same(read_tensorflow_checkpoint(path), {**VARIABLES, **other})
    assert_same(read_tensorflow_checkpoint(tmp_path), {**VARIABLES, **other})


def test_other_files_are_no_tensorflow_checkpoint(tmp_path):
    for name in ("ssd.pth", "lightning.ckpt"):
        (tmp_path / name).write_bytes(b"PK\x03\x04")
        assert not is_tensorflow_checkpoint(tmp_path / name)
    assert not is_tensorflow_checkpoint(tmp_path / "nothing" / "model.ckpt")


def test_what_is_missing_is_named(tmp_path, checkpoint):
    with pytest.raises(ValueError, match=r"other\.ckpt: .* expected a file other\.ckpt\.index"):
        read_tensorflow_checkpoint(tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match=r"expected one file model\.ckpt\*\.index in it; .* none"):
        read_tensorflow_checkpoint(tmp_path)
    save(checkpoint.with_name("model.ckpt-9"), VARIABLES)
    with pytest.raises(ValueError, match=r"there is model\.ckpt-9\.index, model\.ckpt\.index"):
        read_tensorflow_checkpoint(checkpoint.parent)
    (checkpoint.parent / DATA).unlink()
    with pytest.raises(ValueError, match=r"model\.ckpt: .* need 36 bytes, but its data has 0"):
        read_tensorflow_checkpoint(checkpoint)


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x00" * 500])
def test_an_index_that_is_none_is_refused_by_its_path(checkpoint, content):
    (checkpoint.parent / INDEX).write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.ckpt: not a readable TensorFlow checkpoint: "):
        read_tensorflow_checkpoint(checkpoint)


def test_damage_anywhere_in_the_files_is_an_error_by_path_or_goes_unread(checkpoint, files):
    errors = []
    for name, content in files.items():
        path = checkpoint.parent / name
        for position in range(0, len(content), 3):
            damaged = bytearray(content)
            damaged[position] ^= 0xFF
            for changed in (bytes(damaged), content[:position]):
                path.write_bytes(changed)
                try:
                    assert_same(read_tensorflow_checkpoint(checkpoint), VARIABLES)
                except ValueError as error:
                    errors.append(str(error))
        path.write_bytes(content)
    assert len(errors) > 100
    assert [e for e in errors if not e.startswith(f"{checkpoint}: not a readable")] == []
