"""LiteRT files with false or absurd settings, shapes or texts are refused."""

import zipfile

import numpy as np
import pytest

import keras_ssd
from keras_ssd.formats.litert import graph as litert_graph
from keras_ssd.formats.litert.metadata import with_files
from keras_ssd.formats.litert.write import export_litert

OUTPUTS = {
    False: ["offsets", "classes"],
    True: ["detection_boxes", "detection_classes", "detection_scores", "num_detections"],
}


@pytest.fixture(scope="module")
def raw_path(detector, tmp_path_factory):
    return export_litert(detector, tmp_path_factory.mktemp("litert") / "raw.tflite")


@pytest.fixture(scope="module")
def nms_path(detector, tmp_path_factory):
    return export_litert(detector, tmp_path_factory.mktemp("litert") / "nms.tflite", nms=True)


@pytest.fixture(params=["raw_path", "nms_path"])
def path(request):
    return request.getfixturevalue(request.param)


def rewritten(path, folder, change_graph=None, **texts):
    """A copy with another graph and other texts."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
        start = min(entry.header_offset for entry in archive.infolist())
    content = path.read_bytes()[:start]
    if change_graph is not None:
        model = litert_graph.unpack(content, OUTPUTS["decoding.json" not in files])
        change_graph(model)
        content = litert_graph.pack(model)
    for name, text in texts.items():
        files[next(file for file in files if file.startswith(name))] = text
    new = folder / "a.tflite"
    new.write_bytes(with_files(content, files))
    return new


def test_a_rewritten_file_opens(path, tmp_path):
    keras_ssd.load_detector(rewritten(path, tmp_path, lambda model: None))


def test_settings(raw_path, tmp_path, lies, assert_refused):
    with zipfile.ZipFile(raw_path) as archive:
        text = archive.read("decoding.json").decode()
    for what, changed in lies(text):
        assert_refused(rewritten(raw_path, tmp_path, decoding=changed), what)


def test_names(path, tmp_path, wrong_names, assert_refused):
    new = rewritten(path, tmp_path, labels=wrong_names)
    assert_refused(new, wrong_names, at_the_latest_when_it_detects=True)


def test_a_name_too_many_for_raw_outputs(raw_path, tmp_path, assert_refused):
    assert_refused(rewritten(raw_path, tmp_path, labels="cat\ndög\n犬\nowl\n"), "owl")


def test_a_text_that_unpacks_to_much_is_not_read(path, tmp_path):
    new = tmp_path / "a.tflite"
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        new.write_bytes(content[: min(entry.header_offset for entry in archive.infolist())])
    with zipfile.ZipFile(new, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", "a" * 10**8)
    with pytest.raises(ValueError, match=r"a\.tflite: .*labels\.txt unpacks to 100000000 bytes"):
        keras_ssd.load_detector(new)


@pytest.mark.parametrize(
    "shape", [[1, 128, 128, 1], [1, 64, 64, 3], [1, 128, 64, 3], [128, 128, 3], [1, 0, 0, 3]]
)
def test_the_shape_of_the_input(path, tmp_path, assert_refused, shape):
    def change(model):
        (graph,) = model.subgraphs
        graph.tensors[graph.inputs[0]].shape = np.int32(shape)

    assert_refused(rewritten(path, tmp_path, change), shape)


def test_outputs_by_the_names_of_others(nms_path, tmp_path, assert_refused):
    def change(model):
        outputs = {output.name: output for output in model.signatureDefs[0].outputs}
        boxes, scores = outputs[b"detection_boxes"], outputs[b"detection_scores"]
        boxes.name, scores.name = scores.name, boxes.name

    assert_refused(rewritten(nms_path, tmp_path, change), "swapped")
