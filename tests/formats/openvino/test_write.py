"""What is particular to OpenVINO's files; test_complete_files.py has the rest."""

import io
from contextlib import redirect_stdout

import pytest

from keras_ssd.formats import compare, file_size
from keras_ssd.formats.openvino.read import OpenVINODetector
from keras_ssd.formats.openvino.write import export_openvino

openvino = pytest.importorskip("openvino", reason='needs pip install "keras-ssd[openvino]"')


@pytest.fixture(scope="module")
def int8_path(detector, images, tmp_path_factory):
    pytest.importorskip("nncf", reason='needs pip install "keras-ssd[openvino]"')
    path = tmp_path_factory.mktemp("int8") / "tiny.xml"
    with redirect_stdout(io.StringIO()) as printed:
        export_openvino(detector, path, quantize="int8", calibration_images=images)
    assert printed.getvalue() == ""  # stdout is for what a command is asked for
    return path


def test_it_says_what_it_takes_and_puts_out(openvino_path, int8_path):
    for file in (openvino_path, int8_path):
        model = openvino.Core().read_model(file)
        tensors = {
            tensor.any_name: (tensor.element_type.to_string(), str(tensor.partial_shape))
            for tensor in (*model.inputs, *model.outputs)
        }
        assert tensors == {
            "images": ("u8", "[?,128,128,3]"),
            "boxes": ("f32", "[?,9,4]"),
            "labels": ("i32", "[?,9]"),
            "scores": ("f32", "[?,9]"),
            "num_detections": ("i32", "[?]"),
        }


def test_bfloat16_is_less_exact_and_finds_much_the_same(detector, openvino_path, images):
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("OpenVINO computes in float32, as this processor has no bfloat16")
    rounded = OpenVINODetector(openvino_path, dtype="mixed_bfloat16", num_threads=1)
    assert "bfloat16" in str(rounded._model.get_property("INFERENCE_PRECISION_HINT"))
    found = compare(detector, rounded, images)
    assert 0 < found.scores < 0.01
    assert found.lost < 0.01


def test_in_bfloat16_too_what_follows_the_heads_is_float32(openvino_path):
    rounded = OpenVINODetector(openvino_path, dtype="mixed_bfloat16")
    operations = {
        operation.rt_info["layerType"].astype(str): operation.rt_info["outputPrecisions"].astype(
            str
        )
        for operation in rounded._model.get_runtime_model().get_ordered_ops()
    }
    assert operations["Softmax"] == "f32"
    assert operations["NonMaxSuppression"].endswith("f32,i32")


def test_int8_is_smaller_and_finds_much_the_same(detector, openvino_path, int8_path, images):
    weights, int8_weights = (file.with_suffix(".bin") for file in (openvino_path, int8_path))
    assert file_size(int8_weights) < 0.4 * file_size(weights)
    found = compare(detector, OpenVINODetector(int8_path), images)
    assert found.scores < 0.01
    assert found.lost < 0.1


def test_int8_leaves_the_heads_outputs_and_decoding_float(int8_path):
    """Asserts that nothing is quantized between the convolutions of the heads and the outputs."""
    model = openvino.Core().read_model(int8_path)
    waiting, seen = list(model.get_results()), {}
    while waiting:
        node = waiting.pop()
        if node.get_friendly_name() in seen:
            continue
        seen[node.get_friendly_name()] = kind = node.get_type_name()
        if kind != "Convolution":
            waiting += [value.get_node() for value in node.input_values()]
    kinds = list(seen.values())
    assert kinds.count("Convolution") == 2 * 4  # offsets and classes of four maps
    assert "Softmax" in kinds
    assert "FakeQuantize" not in kinds


def test_the_file_size_is_that_of_both_files(openvino_path):
    sizes = [openvino_path.with_suffix(suffix).stat().st_size for suffix in (".xml", ".bin")]
    assert file_size(openvino_path) == sum(sizes)


def test_another_dtype_is_named(openvino_path):
    with pytest.raises(ValueError, match="dtype: expected float32 or mixed_bfloat16, not 'int8'"):
        OpenVINODetector(openvino_path, dtype="int8")


def test_a_network_without_names_is_named(openvino_path, tmp_path):
    model = openvino.Core().read_model(openvino_path)
    del model.rt_info["keras_ssd"]
    openvino.save_model(model, tmp_path / "a.xml")
    with pytest.raises(ValueError, match=r"a\.xml: not a detector exported as \.xml"):
        OpenVINODetector(tmp_path / "a.xml")
