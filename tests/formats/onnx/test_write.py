"""What is particular to ONNX files; test_complete_files.py has the rest."""

import logging

import pytest

from keras_ssd.formats.onnx.read import OnnxDetector
from keras_ssd.formats.onnx.write import _silent_tf2onnx

onnx = pytest.importorskip("onnx", reason='needs pip install "keras-ssd[onnx]"')


def test_the_file_is_valid_and_says_what_it_takes_and_puts_out(onnx_path):
    model = onnx.load(onnx_path)
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
        "boxes": (onnx.TensorProto.FLOAT, ["batch", 9, 4]),
        "labels": (onnx.TensorProto.INT32, ["batch", 9]),
        "scores": (onnx.TensorProto.FLOAT, ["batch", 9]),
        "num_detections": (onnx.TensorProto.INT32, ["batch"]),
    }
    (labels,) = (entry.value for entry in model.metadata_props if entry.key == "labels")
    assert labels == "cat\ndög\n犬\n"


def test_traces_that_tf2onnx_logs_do_not_fill_the_screen(caplog):
    with _silent_tf2onnx():
        logging.getLogger("tf2onnx.optimizer").error("Traceback (most recent call last): ...")
    assert caplog.text == ""
    logging.getLogger("tf2onnx.optimizer").error("after it")
    assert "after it" in caplog.text


def test_a_network_without_names_is_named(onnx_path, tmp_path):
    model = onnx.load(onnx_path)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "a.onnx")
    with pytest.raises(ValueError, match=r"a\.onnx: not a detector exported as \.onnx"):
        OnnxDetector(tmp_path / "a.onnx")
