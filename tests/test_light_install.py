"""The package without Keras and TensorFlow: first with them blocked, then not installed."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import keras_ssd
from keras_ssd.cli import COMMANDS
from keras_ssd.formats.onnx.write import export_onnx

ROOT = Path(__file__).parents[1]
PHOTOS = sorted((ROOT / "examples" / "photos").glob("*.jpg"))
INT8 = "ssd_mobilenet_320_voc_int8"
EXAMPLE = ROOT / "examples" / "raspberry_pi" / "camera.py"

# Run before a script, this hides all that the light environment does not have.
BLOCK = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    blocked = {"keras", "tensorflow", "jax", "torch", "h5py", "PIL", "rich", "matplotlib"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.blocked:
            raise ModuleNotFoundError(f"{name} is blocked", name=name)

sys.meta_path.insert(0, Blocker())
"""
# Loads, detects in photos and draws; prints what was found.
DETECT = """
import json, sys
import keras_ssd
model, folder, confidence, *photos = sys.argv[1:]
detector = keras_ssd.load_detector(model)
results = detector.detect(photos, confidence_threshold=float(confidence))
for number, found in enumerate(results):
    image = keras_ssd.draw_detections(keras_ssd.images.read_image(found.image), found)
    keras_ssd.images.write_image(image, f"{folder}/{number}.png")
    print(json.dumps([record["label"] for record in found.to_records()]))
assert not {"keras", "tensorflow"} & set(sys.modules)
"""
COMMAND = "import sys; from keras_ssd.cli import main; sys.exit(main(sys.argv[1:]))"
HELP = """
import sys
from keras_ssd.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    print(*{"keras", "tensorflow"} & set(sys.modules), file=sys.stderr)
"""


def run(python, script, *arguments, cwd=ROOT) -> subprocess.CompletedProcess:
    """Runs a script that must succeed."""
    command = [str(python), "-c", script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)} if cwd == ROOT else clean_environment()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def clean_environment() -> dict:
    """Returns the environment without the variables that lead to another Python's packages."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def assert_detects(python, before, model, confidence, folder, cwd=ROOT):
    """Asserts that the model finds the same there as here, in Python and by the command."""
    expected = [
        [record["label"] for record in found.to_records()]
        for found in keras_ssd.load_detector(model).detect(PHOTOS, confidence_threshold=confidence)
    ]
    assert all(expected)
    folder.mkdir()
    found = run(python, before + DETECT, model, folder, confidence, *PHOTOS, cwd=cwd)
    assert [json.loads(line) for line in found.stdout.splitlines()] == expected
    assert {path.name for path in folder.iterdir()} == {"0.png", "1.png"}
    options = ("--model", model, "--output", folder, "--confidence", confidence)
    done = run(python, before + COMMAND, "detect", *PHOTOS, *options, cwd=cwd)
    assert len(done.stdout.splitlines()) == len(PHOTOS)
    records = json.loads((folder / "detections.json").read_text())
    assert [record["label"] for record in records] == [
        label for image in expected for label in image
    ]


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory):
    for library in ("onnx", "tf2onnx", "onnxruntime"):
        pytest.importorskip(library, reason='needs pip install "keras-ssd[onnx]"')
    detector = keras_ssd.Detector(keras_ssd.SSDTiny128(2), ["cat", "dog"], max_detections=3)
    return export_onnx(detector, tmp_path_factory.mktemp("light") / "tiny.onnx")


def test_an_int8_file_detects_while_keras_and_tensorflow_are_blocked(tmp_path):
    assert_detects(sys.executable, BLOCK, INT8, 0.4, tmp_path / "out")


def test_an_onnx_file_detects_while_keras_and_tensorflow_are_blocked(onnx_file, tmp_path):
    assert_detects(sys.executable, BLOCK, onnx_file, 0.0, tmp_path / "out")


def test_the_presets_are_listed_while_keras_and_tensorflow_are_blocked():
    assert INT8 in run(sys.executable, BLOCK + COMMAND, "presets").stdout


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_loads_neither_keras_nor_tensorflow(command):
    done = run(sys.executable, HELP, *command.split(), "--help")
    assert done.stdout.startswith(f"usage: keras-ssd {command}".rstrip())
    assert done.stderr.strip() == ""


@pytest.mark.parametrize("command", [[], ["detect"]])
def test_help_is_quick(command):
    times = []
    for _ in range(3):  # the best of three: a busy machine slows down some runs, not all
        start = time.perf_counter()
        run(sys.executable, HELP, *command, "--help")
        times.append(time.perf_counter() - start)
    assert min(times) < 1  # 0.1 seconds on two idle cores; with Keras it takes 5


@pytest.fixture(scope="module", params=["ai-edge-litert", "onnxruntime"])
def light_python(request, tmp_path_factory):
    """A runtime; a Python that has only this runtime, NumPy, OpenCV and this package; and the
    folder of both.
    """
    folder = tmp_path_factory.mktemp("light_environment")
    pip = [folder / "environment" / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([sys.executable, "-m", "venv", folder / "environment"], check=True)
    reached = subprocess.run(
        [*pip, "--dry-run", "--no-deps", "--retries=1", "setuptools>=77"], env=clean_environment()
    )
    if reached.returncode != 0:
        pytest.skip("pip reaches no package index")
    sources = shutil.copytree(
        ROOT,
        folder / "sources",
        ignore=lambda directory, names: (
            {*names} - {"keras_ssd", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"}
            if directory == str(ROOT)
            else {"__pycache__"}
        ),
    )
    install(*pip, "--no-deps", sources)
    install(*pip, "numpy>=2,<3", "opencv-python-headless>=4.10,<6", request.param)
    return request.param, pip[0], folder


def install(*command):
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_light_environment_detects(light_python, request, tmp_path):
    runtime, python, folder = light_python
    installed = {path.name for path in folder.glob("environment/lib/python*/site-packages/*")}
    assert {"keras_ssd", "cv2", "numpy"} <= installed
    assert not {"keras", "tensorflow", "PIL", "rich"} & installed
    assert INT8 in run(python, COMMAND, "presets", cwd=folder).stdout
    if runtime == "onnxruntime":
        onnx_file = request.getfixturevalue("onnx_file")
        assert_detects(python, "", onnx_file, 0.0, tmp_path / "out", cwd=folder)
        return
    assert_detects(python, "", INT8, 0.4, tmp_path / "out", cwd=folder)
    example = [python, EXAMPLE, PHOTOS[0]]
    done = subprocess.run(example, cwd=folder, env=clean_environment(), capture_output=True)
    assert b"\n  person 0." in done.stdout
