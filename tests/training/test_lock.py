"""Only one run at a time uses a folder, and a kill leaves no lock behind."""

import os
import signal
import subprocess
import sys

import keras
import pytest

from keras_ssd.training.folder import RunFolder
from keras_ssd.training.lock import FolderInUseError, only_run_in

HOLD = """
import sys, time, pathlib
from keras_ssd.training.lock import only_run_in
with only_run_in(pathlib.Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_second_run_is_refused_in_one_line_and_a_killed_one_leaves_no_lock(tmp_path):
    folder = tmp_path / "run"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"locked\n"
        message = f"{folder}: another run (process {holder.pid}) is training in this folder; wait"
        for resume in (False, True):
            with pytest.raises(FolderInUseError) as error:
                RunFolder(folder).check(resume=resume)
            assert str(error.value).startswith(message)
            assert "\n" not in str(error.value)
        with pytest.raises(FolderInUseError), only_run_in(folder):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    finally:
        holder.kill()
        holder.communicate()
    RunFolder(folder).check(resume=False)
    with only_run_in(folder):
        assert (folder / ".lock").read_text() == f"{os.getpid()}\n"


def test_a_run_in_the_same_process_is_refused_too(tmp_path):
    with only_run_in(tmp_path):
        with pytest.raises(FolderInUseError), only_run_in(tmp_path):
            pass
        with pytest.raises(FolderInUseError):  # the failed try has not opened the lock
            RunFolder(tmp_path).check(resume=False)
    with only_run_in(tmp_path):
        pass


def test_a_training_run_locks_its_folder_until_its_end(run, recipe, data, tmp_path):
    class Second(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            with pytest.raises(FolderInUseError):
                run(tmp_path / "run", recipe, resume=True)

    run(tmp_path / "run", validation=None, callbacks=[Second()])
    RunFolder(tmp_path / "run").check(resume=True)
