"""The C program for LiteRT, compiled by the machine's compiler."""

import importlib.util
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

import keras_ssd
from keras_ssd.images import read_image, resize_image
from keras_ssd.presets import find_preset, packaged_file

ROOT = Path(__file__).parents[2]
PHOTOS = sorted((ROOT / "examples" / "photos").glob("*.jpg"))
COMPILER = shutil.which("gcc") or shutil.which("clang")
LITERT = Path(importlib.util.find_spec("ai_edge_litert").origin).parent

pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="needs a C compiler"),
    pytest.mark.skipif(not (LITERT / "libLiteRt.so").exists(), reason="needs LiteRT for Linux"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The program beside the packaged int8 file and its labels."""
    folder = tmp_path_factory.mktemp("c")
    source = ROOT / "examples" / "c" / "detect.c"
    warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror"]
    library = [f"-L{LITERT}", "-lLiteRt", f"-Wl,-rpath,{LITERT}"]
    subprocess.run([COMPILER, *warnings, source, "-o", folder / "detect", *library], check=True)
    shutil.copy(
        packaged_file(find_preset("ssd_mobilenet_320_voc_int8")), folder / "detector.tflite"
    )
    with zipfile.ZipFile(folder / "detector.tflite") as archive:
        archive.extract("labels.txt", folder)
    return folder


def run(folder, photo, model="detector.tflite"):
    command = [folder / "detect", model, "labels.txt", photo]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def write_ppm(path, image):
    cv2.imwrite(str(path), image[..., ::-1])
    return path


def test_the_program_finds_the_objects_that_python_finds(folder):
    detector = keras_ssd.load_detector(folder / "detector.tflite")
    for photo in PHOTOS:
        warped = resize_image(read_image(photo), 320)  # which the program does not warp again
        done = run(folder, write_ppm(folder / "warped.ppm", warped))
        assert done.returncode == 0, done.stderr
        (expected,) = detector.detect(warped, confidence_threshold=0.4)
        rows = re.findall(r"^(\w+) ([\d.]+) at x1, y1, x2, y2 \[(.*)\]$", done.stdout, re.MULTILINE)
        assert [label for label, _, _ in rows] == [*expected.names] != []
        scores = [float(score) for _, score, _ in rows]
        np.testing.assert_allclose(scores, expected.scores, atol=0.006)
        boxes = [[float(corner) for corner in box.split(",")] for _, _, box in rows]
        np.testing.assert_allclose(boxes, expected.boxes, atol=0.6)


def test_the_program_warps_a_photo(folder):
    image = read_image(PHOTOS[1])
    done = run(folder, write_ppm(folder / "photo.ppm", image))
    (expected,) = keras_ssd.load_detector(folder / "detector.tflite").detect(
        image, confidence_threshold=0.4
    )
    label, box = re.fullmatch(r"(\w+) .* \[(.*)\]\n", done.stdout).groups()
    assert [label] == [*expected.names]
    found = [float(corner) for corner in box.split(",")]
    np.testing.assert_allclose(found, expected.boxes[0], atol=6)  # LiteRT computes in int8


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"P5\n2 2\n255\n0000", "the photo is not a binary PPM of 8 bits"),
        (b"P6\n2 2\n255\n012345", "the photo is cut off"),
        (b"P6\n0 2\n255\n", "the photo is not a binary PPM of 8 bits"),
        (None, "the photo cannot be opened"),
    ],
)
def test_a_bad_photo_is_told(folder, tmp_path, content, message):
    photo = tmp_path / "bad.ppm"
    if content is not None:
        photo.write_bytes(content)
    done = run(folder, photo)
    assert (done.returncode, done.stderr) == (1, f"detect: {message}\n")


def test_a_bad_model_is_told(folder):
    write_ppm(folder / "black.ppm", np.zeros((2, 3, 3), np.uint8))
    done = run(folder, "black.ppm", model="labels.txt")
    assert done.returncode == 1
    assert "detect: failed: LiteRtCreateModelFromFile" in done.stderr
