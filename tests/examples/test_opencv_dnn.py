"""The scripts for OpenCV's DNN module, with the preset's complete file and its raw outputs."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import keras_ssd
from keras_ssd.formats.onnx.write import export_onnx

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "opencv_dnn"
PHOTOS = sorted((ROOT / "examples" / "photos").glob("*.jpg"))

pytestmark = pytest.mark.docs
for library in ("onnx", "tf2onnx", "onnxruntime"):
    pytest.importorskip(library, reason='needs pip install "keras-ssd[onnx]"')

needs_opencv_5 = pytest.mark.skipif(cv2.__version__ < "5", reason="needs OpenCV 5")
# Prints the number of detections in each of several images, one of them without any.
COUNTS = """
import sys, cv2, numpy
network = cv2.dnn.readNetFromONNX(sys.argv[1])
for image in numpy.load(sys.argv[2]):
    network.setInput(image[None])
    print(network.forward("num_detections")[0])
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with the files that the document makes."""
    folder = tmp_path_factory.mktemp("opencv")
    detector = keras_ssd.load_detector("ssd_mobilenet_320_voc")
    export_onnx(detector, folder / "ssd.onnx")
    export_onnx(detector, folder / "raw.onnx", nms=False)
    text = (ROOT / "docs" / "targets" / "opencv_dnn.md").read_text()
    labels, raw = re.findall(
        r'^python -c "(.*?)"(?: > labels\.txt)?$', text, re.DOTALL | re.MULTILINE
    )
    for name, script in (("labels.txt", labels), ("raw.log", raw)):
        with (folder / name).open("w") as output:
            subprocess.run([sys.executable, "-c", script], cwd=folder, stdout=output, check=True)
    return folder


def run(folder, *arguments):
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("detect.py", "ssd.onnx", "labels.txt"), marks=needs_opencv_5),
        ("detect_raw.py", "raw.onnx", "raw.npz"),
    ],
)
def test_a_script_prints_the_objects_that_keras_ssd_finds(files, arguments, lines_of):
    script, *names = arguments
    detector = keras_ssd.load_detector(files / "ssd.onnx")
    for photo in PHOTOS:
        (found,) = detector.detect([photo], confidence_threshold=0.4)
        expected = lines_of(found)
        assert run(files, FOLDER / script, *names, photo).splitlines() == expected != []


@needs_opencv_5
def test_the_complete_file_runs_in_opencv_where_there_is_no_object(files):
    images = np.stack([np.full((320, 320, 3), gray, np.uint8) for gray in (255, 0, 128, 0)])
    np.save(files / "images.npy", images)
    counts = [int(count) for count in run(files, "-c", COUNTS, "ssd.onnx", "images.npy").split()]
    expected = keras_ssd.load_detector(files / "ssd.onnx").predict(images)["num_detections"]
    assert counts == [*expected]
    assert 0 in counts
    assert max(counts) > 0
