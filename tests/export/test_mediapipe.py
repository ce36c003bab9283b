"""MediaPipe Tasks' ObjectDetector, in an environment of its own, on an exported detector."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.export import export_litert
from keras_ssd.images import write_png
from keras_ssd.inference.detect import detect

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-mediapipe" / "bin" / "python"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON.exists(),
        reason="needs `python -m venv .venv-mediapipe; .venv-mediapipe/bin/pip install mediapipe`",
    ),
]


@pytest.fixture(scope="module")
def images():
    # Of the network's own size, since MediaPipe warps by other rules: its pixels count from
    # their corners, and not from their centres as OpenCV's and TensorFlow's.
    return np.random.default_rng(0).integers(0, 256, (8, 128, 128, 3), np.uint8)


def found_by_mediapipe(detector, images, folder, quantize):
    """What it finds in the first image, after an export of this precision."""
    write_png(images[0], folder / "photo.png")
    path = folder / "tiny.tflite"
    export_litert(detector, path, nms=True, quantize=quantize, calibration_images=images)
    script = Path(__file__).with_name("run_by_mediapipe.py")
    command = [PYTHON, script, path, folder / "photo.png"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("quantize", [None, "float16"])
def test_it_finds_the_same_objects_by_the_same_names(detector, images, tmp_path, quantize):
    theirs = found_by_mediapipe(detector, images, tmp_path, quantize)
    (ours,) = detect(detector, images[0], confidence_threshold=0.1)
    ours = ours.to_records()
    assert len(ours) == 9
    assert [record["label"] for record in theirs] == [record["label"] for record in ours]
    for found, expected in zip(theirs, ours, strict=True):
        assert abs(found["score"] - expected["score"]) < 0.05
        # MediaPipe rounds the corner and the size down to whole pixels.
        np.testing.assert_allclose(found["box"], expected["box"], atol=2)


def test_it_runs_full_int8(detector, images, tmp_path):
    theirs = found_by_mediapipe(detector, images, tmp_path, "int8")
    assert len(theirs) == 9
    assert {record["label"] for record in theirs} <= {"cat", "dög", "犬"}
