"""The decoding that ends the files of OpenVINO and ONNX, against the layer."""

import numpy as np
import pytest

from keras_ssd.config import SSD_TINY_128
from keras_ssd.default_boxes import default_boxes
from keras_ssd.formats.graph_decoding import add_decoding
from keras_ssd.inference.decoding import DecodingSettings
from keras_ssd.models.layers import DecodeDetections

# Few, so that no two scores are as close as rounding.
BOXES = default_boxes(SSD_TINY_128)[::20]


def run_onnx(offsets, logits, boxes, settings):
    onnx = pytest.importorskip("onnx", reason='needs pip install "keras-ssd[onnx]"')
    onnxruntime = pytest.importorskip("onnxruntime")
    from keras_ssd.formats.onnx.operations import OnnxOperations

    given = {"given_offsets": offsets, "given_classes": logits}
    helper, number = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Identity", [name], [name[6:]]) for name in given],
        "raw_outputs",
        [
            helper.make_tensor_value_info(name, number, ["batch", *value.shape[1:]])
            for name, value in given.items()
        ],
        [],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    ops, num_classes = OnnxOperations(model.graph), logits.shape[-1] - 1
    found = add_decoding(ops, "offsets", "classes", boxes, num_classes, settings)
    types = {"labels": onnx.TensorProto.INT32, "num_detections": onnx.TensorProto.INT32}
    shapes = {"boxes": ["D", 4], "num_detections": []}
    for name, value in found.items():
        ops.put_out(name, value, types.get(name, number), shapes.get(name, ["D"]))
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


def run_openvino(offsets, logits, boxes, settings):
    openvino = pytest.importorskip("openvino", reason='needs pip install "keras-ssd[openvino]"')
    from openvino import opset13 as ops

    from keras_ssd.formats.openvino.operations import OpenVINOOperations

    inputs = [ops.parameter([-1, *value.shape[1:]], np.float32) for value in (offsets, logits)]
    adapter = OpenVINOOperations()
    found = add_decoding(adapter, *inputs, boxes, logits.shape[-1] - 1, settings)
    results = [adapter.result(name, value) for name, value in found.items()]
    model = openvino.Model(results, inputs, "decoding")
    hint = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(model, "CPU", hint)([offsets, logits])
    return {output.any_name: value for output, value in found.items()}


@pytest.fixture(params=[run_onnx, run_openvino], ids=lambda run: run.__name__[4:])
def run(request):
    return request.param


def check(run, offsets, logits, boxes=BOXES, **thresholds):
    """Compares the four outputs with the layer's, and returns the number of detections."""
    layer = DecodeDetections(SSD_TINY_128.variances, **thresholds)
    names = ("confidence_threshold", "iou_threshold", "max_detections", "top_k")
    settings = DecodingSettings(
        config=SSD_TINY_128, **{name: getattr(layer, name) for name in names}
    )
    found = run(offsets, logits, boxes, settings)
    expected = layer(offsets, logits, boxes)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        value = np.asarray(value)
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape)
        np.testing.assert_allclose(found[name], value, atol=1e-6)
    return found["num_detections"].tolist()


def raw_outputs(background, num_classes=3):
    """Offsets that leave the image and reach the limit of their exponents; a row an image."""
    rng = np.random.default_rng(0)
    shape = len(background), len(BOXES)
    offsets = rng.normal(scale=(3, 3, 15, 15), size=(*shape, 4)).astype(np.float32)
    logits = rng.normal(scale=2, size=(*shape, num_classes + 1)).astype(np.float32)
    logits[..., 0] += np.float32(background)[:, None]
    return offsets, logits


@pytest.mark.parametrize("num_classes", [1, 3, 20])
@pytest.mark.parametrize("background", [[0], [0, 30, 5, 0], [30]])
def test_random_outputs(run, background, num_classes):
    counts = check(run, *raw_outputs(background, num_classes))
    assert [count > 0 for count in counts] == [much < 30 for much in background]


@pytest.mark.parametrize(
    "thresholds",
    [
        {"max_detections": 1},
        {"top_k": 1},
        {"top_k": 7, "max_detections": 5000},
        {"top_k": 5000, "max_detections": 5000},
        {"confidence_threshold": 0.6, "iou_threshold": 0.1},
        {"confidence_threshold": 0.0, "iou_threshold": 1.0},
        {"iou_threshold": 0.0},
    ],
)
def test_every_setting(run, thresholds):
    assert max(check(run, *raw_outputs([0, 4]), **thresholds)) > 0


def test_a_score_equal_to_the_threshold_does_not_count(run):
    offsets, logits = np.zeros((1, 1, 4), np.float32), np.zeros((1, 1, 2), np.float32)
    for threshold, count in ((0.5, 0), (0.4999999, 1)):
        assert check(run, offsets, logits, BOXES[:1], confidence_threshold=threshold) == [count]


def test_an_overlap_equal_to_the_threshold_does_not_suppress(run):
    boxes = np.float32([[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.25]])
    offsets, logits = np.zeros((1, 2, 4), np.float32), np.float32([[[0, 2], [0, 1]]])
    for threshold, count in ((0.5, 2), (0.4999999, 1)):
        assert check(run, offsets, logits, boxes, iou_threshold=threshold) == [count]


def test_boxes_without_area_suppress_nothing(run):
    offsets = np.full((1, 3, 4), -1e4, np.float32)
    logits = np.float32([[[0, 3], [0, 2], [0, 1]]])
    assert check(run, offsets, logits, np.repeat(BOXES[:1], 3, axis=0)) == [3]
