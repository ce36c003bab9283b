"""The example for a Raspberry Pi, as another process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments):
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "raspberry_pi.py", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_it_explains_itself():
    done = run("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: raspberry_pi.py [-h] [source] [model]")


def test_it_finds_the_objects_in_a_photo():
    done = run(ROOT / "examples" / "photos" / "chelsea.jpg")
    assert done.returncode == 0
    assert done.stdout.startswith("cat ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["99"], "camera 99: cannot be opened; is it connected and not in use?"),
        (["no.jpg"], "no.jpg: no such file"),
        ([__file__], f"{__file__}: OpenCV cannot read it; expected a photo or a video"),
        ([ROOT / "examples/photos/chelsea.jpg", "no.tflite"], "no.tflite: no such file; expected"),
    ],
)
def test_what_is_missing_is_told_in_one_line(arguments, message):
    done = run(*arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"raspberry_pi.py: {message}")
    assert "Traceback" not in done.stderr
