"""The packaged int8 file as phones run it: by LiteRT, by MediaPipe, and by the Kotlin code."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import keras_ssd
from keras_ssd.geometry import iou
from keras_ssd.images import read_image, resize_image, write_image
from keras_ssd.presets import find_preset, packaged_file

ROOT = Path(__file__).parents[2]
MEDIAPIPE = ROOT / ".venv-mediapipe" / "bin" / "python"
KOTLIN = sorted((ROOT / "tests" / "examples" / "kotlin").glob("*.kt"))


@pytest.fixture(scope="module")
def model():
    return packaged_file(find_preset("ssd_mobilenet_320_voc_int8"))


@pytest.fixture(scope="module")
def labels(model):
    with zipfile.ZipFile(model) as archive:
        return archive.read("labels.txt").decode().splitlines()


@pytest.fixture(scope="module")
def images():
    """The photos of the repository at the network's size, where all rules of warping agree."""
    photos = sorted((ROOT / "examples" / "photos").glob("*.jpg"))
    return [resize_image(read_image(photo), 320) for photo in photos]


@pytest.fixture(scope="module")
def expected(model, images):
    detector = keras_ssd.load_detector(model)
    found = [one.to_records() for one in detector.detect(images, confidence_threshold=0.4)]
    assert [len(one) for one in found] == [2, 1]
    return found


def run_litert(model, image):
    """The four tensors by their places, which is how the Kotlin and Swift code read them."""
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
    interpreter.invoke()
    return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]


def assert_same(records, expected, atol):
    assert [record["label"] for record in records] == [record["label"] for record in expected]
    for record, one in zip(records, expected, strict=True):
        assert record["score"] == pytest.approx(one["score"], abs=1e-4)
        np.testing.assert_allclose(record["box"], one["box"], atol=atol)


def test_the_tensors_have_the_order_shapes_and_dtypes_of_the_page(model):
    interpreter = Interpreter(str(model))
    names = ("boxes", "classes", "scores")
    found = [
        (one["name"], tuple(map(int, one["shape"])), one["dtype"])
        for one in (*interpreter.get_input_details(), *interpreter.get_output_details())
    ]
    assert found == [
        ("images", (1, 320, 320, 3), np.uint8),
        *(
            (f"detection_{name}", (1, 100, 4)[: 3 - (name != "boxes")], np.float32)
            for name in names
        ),
        ("num_detections", (1,), np.float32),
    ]


def test_the_tensors_read_by_their_places_are_the_objects(model, labels, images, expected):
    for image, records in zip(images, expected, strict=True):
        boxes, classes, scores, count = run_litert(model, image)
        rows = [row for row in range(int(count[0])) if scores[0, row] >= 0.4]
        found = [
            {
                "label": labels[int(classes[0, row])],
                "score": scores[0, row],
                "box": boxes[0, row, [1, 0, 3, 2]] * 320,  # from top, left, bottom, right
            }
            for row in rows
        ]
        assert_same(found, records, atol=0.01)


def test_the_labels_in_the_file_are_the_detectors_class_names(model, labels):
    assert tuple(labels) == keras_ssd.load_detector(model).class_names


@pytest.mark.docs
@pytest.mark.skipif(shutil.which("kotlinc") is None, reason="needs kotlinc (apt install kotlin)")
def test_the_kotlin_code_finds_the_objects(model, labels, images, expected, tmp_path):
    subprocess.run(
        ["kotlinc", "-nowarn", "-d", tmp_path, ROOT / "examples/mobile/Detector.kt", *KOTLIN],
        check=True,
    )
    (tmp_path / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    for image, records in zip(images, expected, strict=True):
        (tmp_path / "input.bin").write_bytes(image.tobytes())
        outputs = [tensor.astype("<f4").tobytes() for tensor in run_litert(model, image)]
        (tmp_path / "outputs.bin").write_bytes(b"".join(outputs))
        opaque = np.insert(image, 0, 255, axis=2)  # alpha, red, green, blue
        (tmp_path / "colors.bin").write_bytes(opaque.repeat(2, axis=0).repeat(2, axis=1).tobytes())
        done = subprocess.run(
            ["kotlin", "-classpath", tmp_path, "com.example.ssd.MainKt"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        rows = [line.split() for line in done.stdout.splitlines()]
        found = [
            {"label": label, "score": float(score), "box": [float(corner) / 2 for corner in box]}
            for label, score, *box in rows
        ]
        assert_same(found, records, atol=0.01)


@pytest.mark.slow
@pytest.mark.skipif(not MEDIAPIPE.exists(), reason="needs `make .venv-mediapipe/.installed`")
def test_mediapipe_finds_the_objects_by_the_labels_in_the_file(model, images, expected, tmp_path):
    script = ROOT / "tests" / "formats" / "litert" / "run_by_mediapipe.py"
    for number, (image, records) in enumerate(zip(images, expected, strict=True)):
        path = tmp_path / f"{number}.png"
        write_image(image, path)
        done = subprocess.run([MEDIAPIPE, script, model, path], capture_output=True, check=True)
        found = [one for one in json.loads(done.stdout) if one["score"] >= 0.4]
        assert [one["label"] for one in found] == [record["label"] for record in records]
        for one, record in zip(found, records, strict=True):
            assert abs(one["score"] - record["score"]) < 0.05
            assert iou(np.float32([one["box"]]), np.float32([record["box"]]))[0, 0] > 0.9
