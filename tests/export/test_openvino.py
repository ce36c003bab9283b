"""What is particular to OpenVINO's files; test_raw_outputs.py has the rest."""

import numpy as np
import pytest

from keras_ssd.export import compare, export_openvino, file_size
from keras_ssd.inference.openvino import OpenVINODetector

openvino = pytest.importorskip("openvino", reason='needs pip install "keras-ssd[openvino]"')


@pytest.fixture(scope="module")
def int8_path(detector, images, tmp_path_factory):
    pytest.importorskip("nncf", reason='needs pip install "keras-ssd[openvino]"')
    path = tmp_path_factory.mktemp("int8") / "tiny.xml"
    return export_openvino(detector, path, quantize="int8", calibration_images=images)


def test_it_takes_any_number_of_uint8_images_and_puts_out_float32(openvino_path, int8_path):
    for file in (openvino_path, int8_path):
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


def test_bfloat16_is_less_exact_and_finds_much_the_same(openvino_path, images):
    exact = OpenVINODetector(openvino_path, precision="float32")
    rounded = OpenVINODetector(openvino_path, precision="bfloat16", num_threads=1)
    assert "bfloat16" in str(rounded._model.get_property("INFERENCE_PRECISION_HINT"))
    for exact_output, output in zip(exact._run(images), rounded._run(images), strict=True):
        np.testing.assert_allclose(output, exact_output, atol=0.2)


def test_int8_is_smaller_and_finds_much_the_same(detector, openvino_path, int8_path, images):
    weights, int8_weights = (file.with_suffix(".bin") for file in (openvino_path, int8_path))
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


def test_the_file_size_is_that_of_both_files(openvino_path):
    sizes = [openvino_path.with_suffix(suffix).stat().st_size for suffix in (".xml", ".bin")]
    assert file_size(openvino_path) == sum(sizes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantize": "float16"}, "quantize: expected None or int8, not 'float16'"),
        ({"quantize": "int8"}, "calibration_images: int8 needs images"),
    ],
)
def test_wrong_arguments_are_named_and_nothing_is_written(detector, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        export_openvino(detector, tmp_path / "a.xml", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_precision_that_is_none_is_named(openvino_path):
    with pytest.raises(ValueError, match="precision: expected float32 or bfloat16, not 'int8'"):
        OpenVINODetector(openvino_path, precision="int8")


def test_a_network_without_names_is_named(openvino_path, tmp_path):
    model = openvino.Core().read_model(openvino_path)
    del model.rt_info["keras_ssd"]
    openvino.save_model(model, tmp_path / "a.xml")
    with pytest.raises(ValueError, match=r"a\.xml: not a detector exported as \.xml"):
        OpenVINODetector(tmp_path / "a.xml")
