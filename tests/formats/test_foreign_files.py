"""Files of other programs, and files that are not of their format, are told in one line."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

import keras_ssd

EXTRAS = {".tflite": "ai_edge_litert", ".onnx": "onnxruntime", ".xml": "openvino"}
FORMATS = {".tflite": "LiteRT", ".onnx": "ONNX", ".xml": "OpenVINO"}


def refusal(path):
    """Returns the reason in the message."""
    with pytest.raises(ValueError, match=" not a detector exported as ") as raised:
        keras_ssd.load_detector(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: not a detector exported as ")
    assert "\n" not in message
    return message.partition(" by keras-ssd ")[2]


@pytest.mark.parametrize("suffix", EXTRAS)
@pytest.mark.parametrize("content", [b"", b"hello\nworld\n", b"<html><body>404</body></html>"])
def test_a_file_of_no_model_is_said_not_to_be_of_the_format(tmp_path, suffix, content):
    pytest.importorskip(EXTRAS[suffix])
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    path.with_suffix(".bin").touch()
    assert refusal(path).startswith(f"(it is not an {FORMATS[suffix]} file".replace("an L", "a L"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """A SavedModel that doubles numbers."""
    folder = tmp_path_factory.mktemp("foreign") / "double"
    module = tf.Module()
    module.double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec((4,), tf.float32)])
    tf.saved_model.save(module, str(folder), {"serving_default": module.double})
    return folder


def test_a_foreign_saved_model(foreign, tmp_path):
    expected = "(it is a SavedModel without assets.extra/metadata.json)"
    assert refusal(foreign) == expected
    damaged = shutil.copytree(foreign, tmp_path / "damaged")
    (damaged / "saved_model.pb").write_bytes(b"hello\nworld")
    assert refusal(damaged) == expected


def test_a_foreign_litert_file(foreign, tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_saved_model(str(foreign)).convert())
    assert refusal(path) == "(it is a LiteRT file without labels.txt, the class names)"


def test_a_foreign_onnx_file(tmp_path):
    onnx, _ = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    value = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [4]) for name in "xy"]
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "relu", value[:1], value[1:])
    opset = onnx.helper.make_opsetid("", 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)
    onnx.save(model, tmp_path / "a.onnx")
    expected = "(it is an ONNX file without labels, the class names, in its metadata)"
    assert refusal(tmp_path / "a.onnx") == expected


def test_a_foreign_openvino_file(tmp_path):
    openvino = pytest.importorskip("openvino")
    ops = openvino.opset13
    value = ops.parameter([4], np.float32)
    openvino.save_model(openvino.Model([ops.relu(value)], [value]), tmp_path / "a.xml")
    expected = "(it is an OpenVINO file without labels, the class names, in rt_info)"
    assert refusal(tmp_path / "a.xml") == expected


def test_annotations_are_no_openvino_file(tmp_path):
    (tmp_path / "a.xml").write_text("<annotation><object/></annotation>")
    assert refusal(tmp_path / "a.xml").startswith("(it is not an OpenVINO file")
