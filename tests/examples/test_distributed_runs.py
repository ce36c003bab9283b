"""Whole runs of the recipes for Ray Data and Apache Beam, with two workers on this machine."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import keras_ssd

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "distributed"
PHOTOS = sorted((ROOT / "examples" / "photos").glob("*.jpg"))
RECIPES = [
    pytest.param(
        name,
        marks=[
            pytest.mark.slow,
            pytest.mark.skipif(
                not (ROOT / f".venv-{name}" / ".installed").exists(),
                reason=f"needs `make .venv-{name}/.installed`",
            ),
        ],
    )
    for name in ("ray", "beam")
]
WORKERS = {
    "ray": ["--workers", "2", "--block-size", "50"],
    "beam": ["--direct_running_mode", "multi_processing", "--direct_num_workers", "2"],
}
PROCESSES = {"ray": "ray::MapWorker", "beam": "apache_beam.runners.worker.sdk_worker_main"}
# Beam's runner that does a bundle of images again if it fails; the first bundle fails at its end.
RETRIED = """
import sys
sys.path.insert(0, FOLDER)
import with_beam

def fails_once(*arguments, detect_images=with_beam.detect_images, calls=[]):
    rows = detect_images(*arguments)
    calls.append(rows)
    if len(calls) == 2:
        raise RuntimeError("the worker fails once")
    return rows

with_beam.detect_images = fails_once
runner = "apache_beam.runners.direct.direct_runner.BundleBasedDirectRunner"
with_beam.main([*sys.argv[1:], "--runner", runner])
"""


def start(name, images, output, *options, script=None):
    """Starts a recipe with two workers, in its environment without TensorFlow."""
    program = ["-c", script] if script else [FOLDER / f"with_{name}.py"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    python = ROOT / f".venv-{name}" / "bin" / "python"
    with output.with_suffix(".log").open("w") as log:
        return subprocess.Popen(
            [python, *program, images / "*.jpg", output, *options],
            env={**environment, "RAY_USAGE_STATS_ENABLED": "0"},
            stdout=log,
            stderr=log,
        )


def finished(process, output, status=0):
    """Waits for a run, and returns what it printed."""
    code = process.wait(timeout=600)
    log = output.with_suffix(".log").read_text()
    assert code == status, log
    return log


def kill_a_worker(name, run, output):
    """Kills one worker process of a run, a second after the first row was written."""
    deadline = time.monotonic() + 300
    while not any(path.is_file() for path in output.rglob("*")):
        assert run.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(1)
    listed = subprocess.run(
        ["ps", "-eww", "-o", "pid=,ppid=,args="], capture_output=True, text=True
    )
    processes = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    ours = {str(run.pid)}
    while more := {pid for pid, parent, _ in processes if parent in ours} - ours:
        ours |= more
    workers = [
        int(pid)
        for pid, _, command in processes
        if pid in ours and PROCESSES[name] in command and not command.startswith("/bin/sh")
    ]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)


@pytest.fixture(scope="module")
def images(tmp_path_factory, bad_files):
    """A folder of 1,000 copies of two pictures; 20 of them are bad."""
    folder = tmp_path_factory.mktemp("distributed") / "images"
    folder.mkdir()
    bad = [data for data, _ in bad_files]
    for number in range(1000):
        data = bad[number % 3] if number % 50 == 7 else PHOTOS[number % 2].read_bytes()
        (folder / f"{number:04}.jpg").write_bytes(data)
    return folder


@pytest.fixture(scope="module", params=RECIPES)
def complete(request, images):
    """A recipe's name, and the output of a run of it that nothing disturbed."""
    output = images.parent / f"complete-{request.param}"
    finished(start(request.param, images, output, *WORKERS[request.param]), output)
    return request.param, output


@pytest.fixture(scope="module")
def images_in(rows_in):
    """Returns the images of results and of dead letters, 1,000 in all, each once."""

    def checked(output, images):
        results, dead_letters = (
            [row["image"] for row in rows_in(output / name)] for name in ("results", "dead_letters")
        )
        assert len(results) == 980
        assert len(dead_letters) == 20
        assert sorted([*results, *dead_letters]) == sorted(map(str, images.iterdir()))
        return results, dead_letters

    return checked


def test_two_workers_give_each_image_once(complete, images, images_in, rows_in):
    _, output = complete
    images_in(output, images)
    rows = {Path(row["image"]): row for row in rows_in(output / "results")}
    detector = keras_ssd.load_detector("ssd_mobilenet_320_voc_int8")
    for found in detector.detect([images / "0000.jpg", images / "0001.jpg"]):
        assert [one["label"] for one in rows[Path(found.image)]["objects"]] == [*found.names]
        boxes = [one["box"] for one in rows[Path(found.image)]["objects"]]
        np.testing.assert_allclose(boxes, found.boxes, atol=0.5)


def test_the_output_is_the_same_if_a_worker_is_killed(complete, images, images_in, tmp_path):
    name, uninterrupted = complete
    output = tmp_path / "out"
    options = [*WORKERS[name], "--format", "parquet"]
    if name == "ray":
        with start(name, images, output, *options) as run:
            kill_a_worker(name, run, output)
        finished(run, output)
        times = {path: path.stat().st_mtime_ns for path in output.glob("*/*")}
        log = finished(start(name, images, output, *options), output)
        assert "1000 images in 20 blocks, 20 of them done before" in log
        assert {path: path.stat().st_mtime_ns for path in output.glob("*/*")} == times
    else:
        # Beam's local runner does nothing again: it fails, and nothing has the name of a shard.
        with start(name, images, output, *WORKERS[name]) as run:
            kill_a_worker(name, run, output)
        finished(run, output, status=1)
        assert not [*output.rglob("part-*")]
        log = finished(start(name, images, output, *options), output, status=2)
        assert "has files; name a new folder" in log
        shutil.rmtree(output)
        finished(start(name, images, output, *options), output)
    assert images_in(output, images) == images_in(uninterrupted, images)


@pytest.mark.parametrize("name", RECIPES[1:])
def test_beam_gives_no_image_twice_if_its_runner_does_a_bundle_again(
    name, images, images_in, tmp_path
):
    script = RETRIED.replace("FOLDER", repr(str(FOLDER)))
    log = finished(start(name, images, tmp_path / "out", script=script), tmp_path / "out")
    assert "the worker fails once" in log
    images_in(tmp_path / "out", images)
