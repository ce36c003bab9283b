"""Files with a complete detector that another runtime than TensorFlow runs."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import keras_ssd
from keras_ssd.formats import compare
from keras_ssd.formats.onnx.read import OnnxDetector
from keras_ssd.formats.onnx.write import export_onnx
from keras_ssd.formats.openvino.read import OpenVINODetector
from keras_ssd.formats.openvino.write import export_openvino
from keras_ssd.images import read_image, resize_image

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


class Kind(NamedTuple):
    name: str  # the fixture NAME_path is a file
    suffix: str
    export: callable
    opened: type
    writer: str  # the library that writes it, and the one that runs it
    runtime: str


KINDS = [
    Kind("onnx", ".onnx", export_onnx, OnnxDetector, "tf2onnx", "onnxruntime"),
    Kind("openvino", ".xml", export_openvino, OpenVINODetector, "openvino", "openvino"),
]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def path(request, kind):
    return request.getfixturevalue(f"{kind.name}_path")


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_allclose(found[name], value, atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_it_finds_what_keras_finds(detector, kind, path, images, batch_size):
    images = images[:batch_size]
    ours = detector.predict(images, verbose=0)
    assert ours["num_detections"].tolist() == [9] * batch_size  # its maximum
    exported = keras_ssd.load_detector(path)
    assert isinstance(exported, kind.opened)
    assert exported.class_names == ("cat", "dög", "犬")
    assert exported.image_size == 128
    assert_same(exported.predict(images), ours)


def test_batches_are_joined(detector, kind, path, images):
    batches = [images[:3], images[3:]]
    assert_same(kind.opened(path).predict(batches), detector.predict(images, verbose=0))


def test_what_is_missing_is_padded_as_keras_does(detector, kind, images, tmp_path):
    """Some images have few or no detections, and there is room for more than all candidates."""
    best = np.sort(detector.predict(images, verbose=0)["scores"].max(axis=1))
    detector = keras_ssd.Detector(
        detector.ssd,
        ("cat", "dög", "犬"),
        confidence_threshold=float(best[1:3].mean()),
        iou_threshold=1.0,
        max_detections=3 * 400 + 1,
    )
    exported = kind.opened(kind.export(detector, tmp_path / f"tiny{kind.suffix}"))
    ours = detector.predict(images, verbose=0)
    assert sorted(ours["num_detections"] > 0) == [False, False, True, True]
    assert_same(exported.predict(images), ours)
    nothing = images[ours["num_detections"] == 0]
    assert_same(exported.predict(nothing), detector.predict(nothing, verbose=0))


def test_a_detector_of_another_precision_is_written_in_float32(detector, kind, images, tmp_path):
    in_bfloat16 = detector.with_dtype("mixed_bfloat16")
    exported = kind.opened(kind.export(in_bfloat16, tmp_path / f"tiny{kind.suffix}"))
    expected = in_bfloat16.with_dtype("float32").predict(images, verbose=0)
    np.testing.assert_allclose(exported.predict(images)["scores"], expected["scores"], atol=1e-4)


def test_images_of_another_size_are_warped(kind, path):
    images = np.random.default_rng(0).integers(0, 256, (2, 50, 70, 3), np.uint8)
    exported = keras_ssd.load_detector(path, num_threads=1)
    warped = np.stack([resize_image(image, 128) for image in images])
    found, expected = exported.predict(images), exported.predict(warped)
    assert expected["num_detections"].tolist() == [9, 9]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_the_packaged_preset_finds_the_same_in_the_photos(kind, path, tmp_path):
    detector = keras_ssd.load_detector("ssd_mobilenet_320_voc", dtype="float32")
    exported = kind.opened(kind.export(detector, tmp_path / f"preset{kind.suffix}"))
    photos = [resize_image(read_image(file), 320) for file in sorted(PHOTOS.glob("*.jpg"))]
    found = compare(detector, exported, np.stack(photos))
    assert max(found.boxes, found.scores, found.lost) < 1e-4


def test_a_wrong_name_is_refused_and_nothing_is_written(detector, kind, tmp_path):
    with pytest.raises(ValueError, match=rf"a\.bin: the name must end in {kind.suffix}"):
        kind.export(detector, tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_detector_is_named(kind, path, tmp_path):
    bad = tmp_path / f"a{kind.suffix}"
    with pytest.raises(ValueError, match=rf"a{kind.suffix}: no such file"):
        keras_ssd.load_detector(bad)
    for content in (b"", b"no model", b"<net></net>"):
        bad.write_bytes(content)
        with pytest.raises(ValueError, match=rf"a{kind.suffix}: not a detector exported as"):
            keras_ssd.load_detector(bad)


def test_a_library_that_is_not_installed_is_named(detector, kind, path, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, kind.writer, None)
    monkeypatch.setitem(sys.modules, kind.runtime, None)
    command = rf'pip install "keras-ssd\[{kind.name}\]"'
    with pytest.raises(ImportError, match=command):
        kind.export(detector, tmp_path / f"a{kind.suffix}")
    with pytest.raises(ImportError, match=command):
        keras_ssd.load_detector(path)
