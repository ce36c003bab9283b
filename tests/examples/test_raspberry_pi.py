"""The example for a Raspberry Pi, as another process, with files in place of a camera."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "raspberry_pi"
PHOTOS = ROOT / "examples" / "photos"

# In place of picamera2: its array is RGB if the format is BGR888, and BGR if it is RGB888.
FAKE_CAMERA = """
import cv2

class Picamera2:
    pictures = ["PHOTO"] * 2 + [None]

    def __init__(self):
        [self.pictures][NUMBER]

    def create_video_configuration(self, main):
        return main

    def configure(self, configuration):
        self.main = configuration

    def start(self):
        pass

    def capture_array(self):
        photo = self.pictures.pop(0)
        if photo is None:
            raise KeyboardInterrupt
        picture = cv2.resize(cv2.imread(photo), self.main["size"])
        return picture[..., ::-1] if self.main["format"] == "BGR888" else picture
"""


def run(*arguments, path=()):
    return subprocess.run(
        [sys.executable, FOLDER / "camera.py", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *map(str, path)])},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A cat in three pictures, then nothing in two, then an astronaut."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    cat, astronaut = (
        cv2.resize(cv2.imread(str(PHOTOS / name)), (448, 304))
        for name in ("chelsea.jpg", "astronaut.jpg")
    )
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (448, 304))
    for picture in [cat] * 3 + [np.zeros_like(cat)] * 2 + [astronaut]:
        writer.write(picture)
    writer.release()
    return path


def test_it_prints_the_objects_of_a_film_where_their_classes_change(film):
    done = run(film)
    assert done.returncode == 0, done.stderr
    changes = re.findall(r"^\d\d:\d\d:\d\d (.*)$", done.stdout, re.MULTILINE)
    assert changes == ["cat", "nothing", "person"]
    assert re.search(r"^  cat 1\.00 at x1, y1, x2, y2 \[[\d., ]+\]$", done.stdout, re.MULTILINE)


def test_it_reads_the_raspberry_pi_camera_in_rgb(tmp_path):
    fake = FAKE_CAMERA.replace("PHOTO", str(PHOTOS / "astronaut.jpg"))
    (tmp_path / "picamera2.py").write_text(fake.replace("NUMBER", "0"))
    done = run(path=[tmp_path])
    assert done.returncode == 0, done.stderr
    resized = tmp_path / "resized.png"
    cv2.imwrite(str(resized), cv2.resize(cv2.imread(str(PHOTOS / "astronaut.jpg")), (640, 480)))
    expected = run(resized).stdout
    score = r"person \d\.\d\d"
    assert re.findall(score, done.stdout) == re.findall(score, expected) != []


def test_a_raspberry_pi_without_a_camera_is_told(tmp_path):
    (tmp_path / "picamera2.py").write_text(FAKE_CAMERA.replace("NUMBER", "1"))
    done = run(path=[tmp_path])
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "camera.py: no Raspberry Pi camera is connected"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "picamera2 cannot be imported (No module named 'picamera2'): sudo apt install"),
        (["99"], "camera 99: cannot be opened; is it connected and not in use?"),
        (["no.jpg"], "no.jpg: no such file"),
        ([__file__], f"{__file__}: OpenCV cannot read it; expected a photo or a video"),
        ([PHOTOS / "chelsea.jpg", "--model", "no.tflite"], "no.tflite: no such file; expected"),
        ([PHOTOS / "chelsea.jpg", "--confidence", "2"], "confidence_threshold: expected 0 to 1"),
    ],
)
def test_what_is_missing_is_told_in_one_line(arguments, message):
    done = run(*arguments)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"camera.py: {message}")
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_accepts_the_unit_in_a_home_laid_out_as_on_the_page(tmp_path):
    home, runtime = tmp_path / "home", tmp_path / "runtime"
    python = home / "keras-ssd" / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    runtime.mkdir()
    python.symlink_to(sys.executable)
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", FOLDER / "keras-ssd-camera.service"],
        env={**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(runtime)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    script = re.search(r"ExecStart=\S+ %h/keras-ssd/(\S+)", done.args[-1].read_text())[1]
    assert (ROOT / script).is_file()
