"""ONNX files with false or absurd settings, shapes or texts are refused."""

import numpy as np
import pytest

import keras_ssd
from keras_ssd.formats.onnx.write import export_onnx

onnx = pytest.importorskip("onnx", reason='needs pip install "keras-ssd[onnx]"')


@pytest.fixture(scope="module")
def raw_path(onnx_path, detector, tmp_path_factory):
    return export_onnx(detector, tmp_path_factory.mktemp("onnx") / "raw.onnx", nms=False)


@pytest.fixture(params=["raw_path", "onnx_path"])
def path(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def rewritten(tmp_path):
    """Writes a copy of a file with a changed graph and changed texts, and returns its path."""

    def write(path, change=None, **texts):
        new = onnx.load(path)
        for entry in new.metadata_props:
            entry.value = texts.get(entry.key, entry.value)
        if change is not None:
            change(new.graph)
        onnx.save(new, tmp_path / "a.onnx")
        return tmp_path / "a.onnx"

    return write


def test_settings(raw_path, rewritten, lies, assert_refused):
    (text,) = (e.value for e in onnx.load(raw_path).metadata_props if e.key == "decoding")
    for what, changed in lies(text)[::7]:  # LiteRT files read them alike, and open faster
        assert_refused(rewritten(raw_path, decoding=changed), what)


def test_names(path, rewritten, wrong_names, assert_refused):
    new = rewritten(path, labels=wrong_names)
    assert_refused(new, wrong_names, at_the_latest_when_it_detects=True)


def test_a_name_too_many_for_raw_outputs(raw_path, rewritten, assert_refused):
    assert_refused(rewritten(raw_path, labels="cat\ndög\n犬\nowl\n"), "owl")


@pytest.mark.parametrize(
    "sizes", [(0, 0, 3), (64, 64, 3), (128, 64, 3), (128, 128, 1), (10**9, 10**9, 3)]
)
def test_the_shape_of_the_input(path, rewritten, assert_refused, sizes):
    def change(graph):
        dimensions = graph.input[0].type.tensor_type.shape.dim[1:]
        for dimension, size in zip(dimensions, sizes, strict=True):
            dimension.dim_value = size

    assert_refused(rewritten(path, change), sizes)


def test_outputs_by_other_names(path, rewritten, assert_refused):
    def rename(graph):
        graph.output[0].name = "images"

    assert_refused(rewritten(path, rename), "renamed")


def test_outputs_by_the_names_of_others(onnx_path, rewritten, assert_refused):
    def swap(graph):
        for node in graph.node:
            names = {"boxes": "scores", "scores": "boxes"}
            node.output[:] = [names.get(name, name) for name in node.output]

    assert_refused(rewritten(onnx_path, swap), "swapped")


@pytest.mark.parametrize("value", [-5, 10**12])
def test_whole_numbers_in_the_decoding(onnx_path, rewritten, value):
    """Alters numbers such as k of top-k. Files that still run must answer like a detector."""
    images, refused = np.zeros((2, 9, 9, 3), np.uint8), 0
    constants = [
        index
        for index, constant in enumerate(onnx.load(onnx_path).graph.initializer)
        if constant.name.startswith("decode_detections")
        and constant.data_type == onnx.TensorProto.INT64
    ]
    for index in constants:

        def change(graph, index=index):
            old = graph.initializer[index]
            array = np.full_like(onnx.numpy_helper.to_array(old), value)
            old.CopyFrom(onnx.numpy_helper.from_array(array, old.name))

        path = rewritten(onnx_path, change)
        try:
            found = keras_ssd.load_detector(path).predict(images)
        except ValueError as error:
            assert str(path) in str(error)  # noqa: PT017
            refused += 1
        else:
            assert found["labels"].max() < 3
    assert refused > len(constants) / 2
