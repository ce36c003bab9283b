"""The script for OpenVINO, with the preset in float32 and in int8."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import keras_ssd
from keras_ssd.formats.openvino.write import export_openvino
from keras_ssd.images import read_image

ROOT = Path(__file__).parents[2]
PHOTOS = sorted((ROOT / "examples" / "photos").glob("*.jpg"))

pytest.importorskip("openvino", reason='needs pip install "keras-ssd[openvino]"')


@pytest.fixture(scope="module")
def detector():
    return keras_ssd.load_detector("ssd_mobilenet_320_voc")


def run(path, photo):
    """What the script prints, where keras_ssd cannot be imported."""
    done = subprocess.run(
        [sys.executable, "-P", ROOT / "examples" / "openvino" / "detect.py", path, photo],
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        cwd=path.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.docs
def test_the_script_prints_the_objects_that_keras_finds(detector, tmp_path, lines_of):
    path = export_openvino(detector, tmp_path / "ssd.xml")
    for photo in PHOTOS:
        (found,) = detector.detect([photo], confidence_threshold=0.4)
        expected = lines_of(found)
        assert run(path, photo) == expected != []


@pytest.mark.slow
def test_the_script_runs_int8(detector, tmp_path):
    pytest.importorskip("nncf", reason='needs pip install "keras-ssd[openvino]"')
    images = [read_image(photo) for photo in PHOTOS]
    path = export_openvino(
        detector, tmp_path / "int8.xml", quantize="int8", calibration_images=images
    )
    size = sum(path.with_suffix(suffix).stat().st_size for suffix in (".xml", ".bin"))
    assert size < 5e6  # bytes; 14 million in float32
    first = [re.match(r"\w+", run(path, photo)[0])[0] for photo in PHOTOS]
    assert first == ["person", "cat"]
