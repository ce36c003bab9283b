"""A full disk ends a run in one line, and keeps the last good state and detectors."""

import errno
import os
from types import SimpleNamespace

import keras
import pytest

from keras_ssd.detector import open_detector
from keras_ssd.training import saving
from keras_ssd.training.folder import RunFolder


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def half_written(path):
    path.write_bytes(b"half")
    no_space()


@pytest.mark.parametrize("file", ["state.weights.h5", "last.keras"])
def test_the_run_says_so_in_one_line_and_resumes_when_there_is_room(run, finished, tmp_path, file):
    output = tmp_path / "run"
    before = {}

    class FillDisk(keras.callbacks.Callback):
        """Lets no more of one file be written after the first epoch."""

        def on_train_batch_begin(self, batch, logs=None):
            if int(self.model.optimizer.iterations) == 5 and not before:
                before.update({path.name: path.read_bytes() for path in output.glob("*.*")})
                replace = saving.replace_file

                def full(path, write):
                    replace(path, half_written if path.name == file else write)

                patch.setattr(saving, "replace_file", full)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(OSError) as error:  # noqa: PT011
        run(output, validation=None, callbacks=[FillDisk()])
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(output)
    assert "\n" not in error.value.strerror
    assert error.value.strerror.startswith("the disk is full; what was saved before is whole")
    assert (output / file).read_bytes() == before[file]
    assert not [path for path in output.glob(".*") if path.name != ".lock"]

    run(output, validation=None, resume=True)
    pairs = [open_detector(folder / "last.keras").get_weights() for folder in (finished[0], output)]
    for one, other in zip(*pairs, strict=True):
        assert (one == other).all()


def test_without_room_for_the_weights_hdf5_does_not_begin_to_write(
    micro_ssd, tmp_path, monkeypatch
):
    ssd = micro_ssd()
    ssd.compile("sgd")
    needed = 4 * (ssd.count_params() + 2)  # the optimizer has a counter and a learning rate
    path = tmp_path / "state.weights.h5"
    path.write_bytes(b"old")
    monkeypatch.setattr(saving.shutil, "disk_usage", lambda _: SimpleNamespace(free=needed - 1))
    with pytest.raises(OSError, match="No space left") as error:
        saving.save_state(path, ssd)
    assert error.value.filename == str(path)
    assert path.read_bytes() == b"old"
    monkeypatch.setattr(saving.shutil, "disk_usage", lambda _: SimpleNamespace(free=needed))
    saving.save_state(path, ssd)
    assert path.stat().st_size > needed


def test_hdf5_gets_back_the_room_of_a_file_that_it_could_not_finish(tmp_path, micro_ssd):
    ssd = micro_ssd()
    ssd.compile("sgd")
    opened: list[int] = []

    def write(path):
        path.write_bytes(b"x" * 1000)
        opened.append(os.open(path, os.O_RDWR))
        no_space()

    ssd.save_weights = write
    with pytest.raises(OSError, match="No space left"):
        saving.save_state(tmp_path / "state.weights.h5", ssd)
    assert os.fstat(opened[0]).st_size == 0
    os.close(opened[0])
    assert list(tmp_path.iterdir()) == []


def test_other_errors_stay_as_they_are(tmp_path):
    assert RunFolder(tmp_path).disk_full(PermissionError(errno.EACCES, "no")) is None
    assert RunFolder(tmp_path).disk_full(OSError("no number")) is None
