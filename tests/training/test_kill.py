"""A run survives kill -9 at any byte of what it saves."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from keras_ssd.detector import open_detector

KILLS = 20


def command(data: Path, output: Path, *options: str) -> list[str]:
    """A run of 40 steps with averages that saves its state and its detector after each step."""
    return [
        *(sys.executable, "-m", "keras_ssd.cli", "train", "--data", str(data)),
        *("--image-set", "train", "--model", "ssd_tiny_128", "--recipe", "smoke"),
        *("--batch-size", "2", "--steps", "40", "--evaluate-every", "1", "--average-over", "0.2"),
        *("--output", str(output), *options),
    ]


def unfinished(output: Path) -> list[tuple[str, int]]:
    """Names and sizes of the files that are being written."""
    found = []
    for path in output.glob(".*-*"):
        with contextlib.suppress(FileNotFoundError):  # it was finished in between
            found.append((path.name, path.stat().st_size))
    return found


def batches_in(state: Path) -> int | None:
    """The number of batches that a state is of, or None if the first one is not yet saved."""
    if not state.exists():
        return None
    with h5py.File(state) as file:
        return int(file["optimizer/vars/0"][()])


def kill_while_saving(arguments, output, kind, number, size):
    """Starts a run, and kills it once a file of a kind, of a number from 0, has grown to a size.

    Returns the name of the file that was left unfinished, and its size.
    """
    seen: set[str] = set()
    before = unfinished(output)  # of the run that was killed before; the new one removes it
    said = output.with_suffix(".txt")
    with said.open("wb") as file:
        process = subprocess.Popen(arguments, stdout=file, stderr=file)
    begun = time.monotonic()
    try:
        while process.poll() is None and time.monotonic() - begun < 600:
            for name, bytes_there in set(unfinished(output)) - set(before):
                seen |= {name} if name.startswith(f".{kind}-") else set()
                if name in seen and len(seen) > number and bytes_there >= size:
                    os.kill(process.pid, signal.SIGKILL)
                    process.wait()
                    return next(iter(unfinished(output)), ("none", 0))
    finally:
        process.kill()
        process.wait()
    raise AssertionError(f"it ended before: {said.read_text()[-2000:]}")


@pytest.mark.slow
def test_after_each_of_20_kills_while_it_saves_a_run_resumes_and_ends_as_if_never_killed(
    drawn_voc, tmp_path
):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(drawn_voc, whole), check=True, capture_output=True)
    draw = random.Random(0)
    sizes = {"state": (whole / "state.weights.h5").stat().st_size}
    sizes["last"] = (whole / "last.keras").stat().st_size
    hits = []
    for number in range(KILLS):
        kind = draw.choice(sorted(sizes))
        size = draw.randrange(sizes[kind])
        arguments = command(drawn_voc, killed, *(["--resume"] if number else []))
        left, written = kill_while_saving(arguments, killed, kind, draw.randrange(3), size)
        batches = batches_in(killed / "state.weights.h5")
        hits.append((kind, size, left, written, batches))
        print(
            f"kill {number + 1:2}: from {size:8} bytes of {kind:5}; left {left} of {written} bytes;"
            f" the state is of batch {batches}"
        )
    assert len({hit[:2] for hit in hits}) == KILLS
    assert sum(written > 0 for *_, written, _ in hits) >= KILLS // 2  # most were cut in the middle
    subprocess.run(command(drawn_voc, killed, "--resume"), check=True, capture_output=True)
    assert unfinished(killed) == []

    with (
        h5py.File(whole / "state.weights.h5") as one,
        h5py.File(killed / "state.weights.h5") as other,
    ):
        names = []
        one.visit(names.append)
        for name in names:
            if hasattr(one[name], "shape"):
                np.testing.assert_array_equal(other[name][()], one[name][()], err_msg=name)
    weights = [open_detector(folder / "last.keras").get_weights() for folder in (whole, killed)]
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(b, a)
    epochs = [len((folder / "log.csv").read_text().splitlines()) for folder in (whole, killed)]
    assert epochs == [41, 41]
