"""OpenVINO's files of a detector of random weights, run by the runtime itself."""

import sys
from pathlib import Path

import numpy as np
import pytest

import keras_ssd
from keras_ssd.export import compare, export_openvino, file_size
from keras_ssd.images import read_image, resize_image
from keras_ssd.inference.openvino import OpenVINODetector
from keras_ssd.models.detector import ssd_model

openvino = pytest.importorskip("openvino", reason='needs pip install "keras-ssd[openvino]"')
PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)


@pytest.fixture(scope="module")
def path(detector, tmp_path_factory):
    return export_openvino(detector, tmp_path_factory.mktemp("openvino") / "tiny.xml")


@pytest.fixture(scope="module")
def int8_path(detector, images, tmp_path_factory):
    pytest.importorskip("nncf", reason='needs pip install "keras-ssd[openvino]"')
    path = tmp_path_factory.mktemp("int8") / "tiny.xml"
    return export_openvino(detector, path, quantize="int8", calibration_images=images)


def test_it_takes_any_number_of_uint8_images_and_puts_out_float32(path, int8_path):
    for file in (path, int8_path):
        model = openvino.Core().read_model(file)
        tensors = {
            tensor.any_name: (tensor.element_type.to_string(), str(tensor.partial_shape))
            for tensor in (*model.inputs, *model.outputs)
        }
        assert tensors == {
            "images": ("u8", "[?,128,128,3]"),
            "offsets": ("f32", "[?,1360,4]"),
            "classes": ("f32", "[?,1360,4]"),
        }


def test_raw_outputs_are_those_of_the_ssd(detector, path, images):
    ours = ssd_model(detector)(images.astype(np.float32), training=False)
    theirs = OpenVINODetector(path)._run(images)
    for name, value in zip(("offsets", "classes"), theirs, strict=True):
        np.testing.assert_allclose(value, ours[name], atol=1e-4)


def test_it_finds_what_keras_finds(detector, path, images):
    exported = keras_ssd.load_detector(path)
    assert keras_ssd.class_names(exported) == ("cat", "dög", "犬")
    found = compare(detector, exported, images, least_score=0.0)
    assert (found.matched, found.missed) == (36, 0)
    assert found.box < 1e-4
    assert found.score < 1e-4


def test_bfloat16_is_less_exact_and_finds_much_the_same(path, images):
    exact = OpenVINODetector(path, precision="float32")
    rounded = OpenVINODetector(path, precision="bfloat16", num_threads=1)
    assert "bfloat16" in str(rounded._model.get_property("INFERENCE_PRECISION_HINT"))
    for exact_output, output in zip(exact._run(images), rounded._run(images), strict=True):
        np.testing.assert_allclose(output, exact_output, atol=0.2)


def test_int8_is_smaller_and_finds_much_the_same(detector, path, int8_path, images):
    weights, int8_weights = (file.with_suffix(".bin") for file in (path, int8_path))
    assert file_size(int8_weights) < 0.4 * file_size(weights)
    found = compare(detector, OpenVINODetector(int8_path), images, least_score=0.0)
    assert found.matched >= 0.7 * (found.matched + found.missed)
    assert found.score < 0.1


def test_int8_leaves_the_heads_outputs_float(int8_path):
    for result in openvino.Core().read_model(int8_path).get_results():
        joined = result.input_value(0).get_node()
        kinds = {value.get_node().get_type_name() for value in joined.input_values()}
        assert joined.get_type_name() == "Concat"
        assert "FakeQuantize" not in kinds


def test_the_file_size_is_that_of_both_files(path):
    assert file_size(path) == path.stat().st_size + path.with_suffix(".bin").stat().st_size


def test_the_packaged_preset_finds_the_same_in_the_photos(tmp_path):
    detector = keras_ssd.load_detector("ssd_mobilenet_320_voc")
    exported = OpenVINODetector(export_openvino(detector, tmp_path / "preset.xml"))
    photos = [resize_image(read_image(file), 320) for file in sorted(PHOTOS.glob("*.jpg"))]
    found = compare(detector, exported, np.stack(photos), least_score=0.05)
    assert found.missed == 0
    assert found.matched >= 2
    assert found.box < 1e-4
    assert found.score < 1e-4


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.bin", {}, "a.bin: the name of an OpenVINO file must end in .xml"),
        ("a.xml", {"quantize": "float16"}, "quantize: expected None or int8, not 'float16'"),
        ("a.xml", {"quantize": "int8"}, "calibration_images: int8 needs images"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_written(
    detector, tmp_path, name, options, message
):
    with pytest.raises(ValueError, match=message):
        export_openvino(detector, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_precision_that_is_none_is_named(path):
    with pytest.raises(ValueError, match="precision: expected float32 or bfloat16, not 'int8'"):
        OpenVINODetector(path, precision="int8")


def test_a_file_that_is_no_detector_is_named(tmp_path):
    path = tmp_path / "a.xml"
    with pytest.raises(ValueError, match=r"a\.xml: no such file"):
        keras_ssd.load_detector(path)
    for content in (b"", b"<net></net>"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.xml: not a detector exported as \.xml"):
            keras_ssd.load_detector(path)


def test_a_network_without_names_is_named(path, tmp_path):
    model = openvino.Core().read_model(path)
    del model.rt_info["keras_ssd"]
    openvino.save_model(model, tmp_path / "a.xml")
    with pytest.raises(ValueError, match=r"a\.xml: not a detector exported as \.xml"):
        OpenVINODetector(tmp_path / "a.xml")


def test_a_library_that_is_not_installed_is_named(detector, path, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    command = r'pip install "keras-ssd\[openvino\]"'
    with pytest.raises(ImportError, match=command):
        export_openvino(detector, tmp_path / "a.xml")
    with pytest.raises(ImportError, match=command):
        keras_ssd.load_detector(path)
