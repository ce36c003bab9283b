"""ONNX files of a detector of random weights, run by ONNX Runtime."""

import sys
from pathlib import Path

import numpy as np
import pytest

import keras_ssd
from keras_ssd.export import compare, export_onnx
from keras_ssd.images import read_image, resize_image
from keras_ssd.inference.onnx import OnnxDetector
from keras_ssd.models.detector import ssd_model

REASON = 'needs pip install "keras-ssd[onnx]"'
onnx = pytest.importorskip("onnx", reason=REASON)
pytest.importorskip("tf2onnx", reason=REASON)
pytest.importorskip("onnxruntime", reason=REASON)
PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)


@pytest.fixture(scope="module")
def path(detector, tmp_path_factory):
    return export_onnx(detector, tmp_path_factory.mktemp("onnx") / "tiny.onnx")


def test_the_file_is_valid_and_says_what_it_takes_and_puts_out(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    tensors = {
        value.name: (
            value.type.tensor_type.elem_type,
            [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim],
        )
        for value in (*model.graph.input, *model.graph.output)
    }
    assert tensors == {
        "images": (onnx.TensorProto.UINT8, ["batch", 128, 128, 3]),
        "offsets": (onnx.TensorProto.FLOAT, ["batch", 1360, 4]),
        "classes": (onnx.TensorProto.FLOAT, ["batch", 1360, 4]),
    }
    (labels,) = (entry.value for entry in model.metadata_props if entry.key == "labels")
    assert labels == "cat\ndög\n犬\n"


def test_raw_outputs_are_those_of_the_ssd(detector, path, images):
    ours = ssd_model(detector)(images.astype(np.float32), training=False)
    theirs = OnnxDetector(path)._run(images)
    for name, value in zip(("offsets", "classes"), theirs, strict=True):
        np.testing.assert_allclose(value, ours[name], atol=1e-4)


def test_it_finds_what_keras_finds(detector, path, images):
    ours = detector.predict(images, verbose=0)
    exported = keras_ssd.load_detector(path)
    assert isinstance(exported, OnnxDetector)
    assert keras_ssd.class_names(exported) == ("cat", "dög", "犬")
    theirs = exported.predict(images)
    assert ours["num_detections"].min() == 9
    for name, value in ours.items():
        assert theirs[name].dtype == value.dtype
        np.testing.assert_allclose(theirs[name], value, atol=1e-4)


def test_images_of_another_size_are_warped(path):
    images = np.random.default_rng(0).integers(0, 256, (2, 50, 70, 3), np.uint8)
    exported = OnnxDetector(path, num_threads=1)
    warped = np.stack([resize_image(image, 128) for image in images])
    found, expected = exported.predict(images), exported.predict(warped)
    assert expected["num_detections"].tolist() == [9, 9]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_the_packaged_preset_finds_the_same_in_the_photos(tmp_path):
    detector = keras_ssd.load_detector("ssd_mobilenet_320_voc")
    exported = OnnxDetector(export_onnx(detector, tmp_path / "preset.onnx"))
    photos = [resize_image(read_image(file), 320) for file in sorted(PHOTOS.glob("*.jpg"))]
    found = compare(detector, exported, np.stack(photos), least_score=0.05)
    assert found.missed == 0
    assert found.matched >= 2
    assert found.box < 1e-4
    assert found.score < 1e-4


def test_a_wrong_name_is_refused_and_nothing_is_written(detector, tmp_path):
    with pytest.raises(ValueError, match=r"a\.bin: the name of an ONNX file must end in \.onnx"):
        export_onnx(detector, tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_detector_is_named(tmp_path):
    path = tmp_path / "a.onnx"
    with pytest.raises(ValueError, match=r"a\.onnx: no such file"):
        keras_ssd.load_detector(path)
    for content in (b"", b"no model"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.onnx: not a detector exported as \.onnx"):
            keras_ssd.load_detector(path)


def test_a_network_without_names_is_named(path, tmp_path):
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"a\.onnx: not a detector exported as \.onnx"):
        OnnxDetector(tmp_path / "a.onnx")


def test_a_library_that_is_not_installed_is_named(detector, path, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    command = r'pip install "keras-ssd\[onnx\]"'
    with pytest.raises(ImportError, match=command):
        export_onnx(detector, tmp_path / "a.onnx")
    with pytest.raises(ImportError, match=command):
        keras_ssd.load_detector(path)
