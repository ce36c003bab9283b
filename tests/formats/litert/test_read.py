"""LiteRT files that are not detectors, and images of unusual sizes and numbers."""

import zipfile

import numpy as np
import pytest

import keras_ssd
from keras_ssd.formats.litert import graph as litert_graph
from keras_ssd.formats.litert.read import LiteRTDetector
from keras_ssd.formats.litert.write import export_litert
from keras_ssd.images import resize_image

NO_NAMES = (
    r"a\.tflite: not a detector exported as \.tflite by keras-ssd "
    r"\(it is a LiteRT file without labels\.txt, the class names\)$"
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    detector = keras_ssd.Detector(keras_ssd.SSDTiny128(2), ("a", "b"), max_detections=5)
    return export_litert(detector, tmp_path_factory.mktemp("litert") / "tiny.tflite")


def with_changes(path, changed, change):
    """A copy of a `.tflite` file with its graph changed and the same text files."""
    model = litert_graph.unpack(path.read_bytes(), ("offsets", "classes"))
    change(model)
    changed.write_bytes(litert_graph.pack(model))
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "a") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return changed


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (3, 50, 70, 3), np.uint8)


def test_load_detector_opens_it_by_its_suffix(path):
    for name in (path, str(path)):
        assert isinstance(keras_ssd.load_detector(name), LiteRTDetector)


def test_images_of_another_size_are_warped(path, images):
    detector = LiteRTDetector(path, num_threads=1)
    warped = np.stack([resize_image(image, 128) for image in images])
    found, expected = detector.predict(images), detector.predict(warped)
    assert expected["num_detections"].tolist() == [5, 5, 5]
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_batches_of_a_data_set_follow_each_other(path, images):
    detector = LiteRTDetector(path)
    expected = detector.predict(images)
    found = detector.predict([images[:2], images[2:]])
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_detect_takes_it(path, images):
    (found,) = keras_ssd.load_detector(path).detect(images[0], confidence_threshold=0)
    assert found.size == (50, 70)
    assert len(found) == 5
    assert found.class_names == ("a", "b")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"a\.tflite: no such file; expected a detector exported as \.tflite"),
        (b"", r"a\.tflite: .*\(it is not a LiteRT file\)$"),
        (b"no model", r"a\.tflite: .*\(it is not a LiteRT file\)$"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "a.tflite").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        LiteRTDetector(tmp_path / "a.tflite")


def test_an_archive_without_a_model_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.tflite", "w") as archive:
        archive.writestr("labels.txt", "a\n")
    with pytest.raises(ValueError, match=r"a\.tflite: not a detector exported as \.tflite"):
        LiteRTDetector(tmp_path / "a.tflite")


def test_a_model_without_names_is_named(tmp_path, path):
    with zipfile.ZipFile(path) as archive:
        start = min(entry.header_offset for entry in archive.infolist())
    (tmp_path / "a.tflite").write_bytes(path.read_bytes()[:start])
    with pytest.raises(ValueError, match=NO_NAMES):
        LiteRTDetector(tmp_path / "a.tflite")


@pytest.mark.parametrize(
    ("kind", "old", "new", "message"),
    [
        ("inputs", "images", "pixels", "inputs: expected images, not pixels"),
        ("outputs", "classes", "logits", "outputs: expected classes, offsets, not logits, offsets"),
    ],
)
def test_a_model_of_other_inputs_or_outputs_is_named(tmp_path, path, kind, old, new, message):
    def rename(model):
        (signature,) = model.signatureDefs
        (entry,) = (e for e in getattr(signature, kind) if e.name == old.encode())
        entry.name = new

    changed = with_changes(path, tmp_path / "a.tflite", rename)
    with pytest.raises(ValueError, match=rf"a\.tflite: not a detector .* \({message}\)$"):
        LiteRTDetector(changed)


def test_decoded_detections_with_settings_for_raw_outputs_are_named(tmp_path, path):
    content = path.read_bytes().replace(b"decoding.json", b"forgotten.txt")
    (tmp_path / "a.tflite").write_bytes(content)
    message = "outputs: expected detection_boxes, .*, num_detections, not classes, offsets"
    with pytest.raises(ValueError, match=message):
        LiteRTDetector(tmp_path / "a.tflite")


def test_a_graph_that_cannot_be_laid_out_is_named_in_one_line(tmp_path, path):
    def damage(model):
        for operator in model.subgraphs[0].operators:
            operator.inputs = [9999] * len(operator.inputs)

    damaged = with_changes(path, tmp_path / "a.tflite", damage)
    with pytest.raises(ValueError, match=r"a\.tflite: not a detector .*\)$") as raised:
        LiteRTDetector(damaged)
    assert "\n" not in str(raised.value)


def test_lost_weights_show_when_the_file_is_opened(tmp_path, path):
    def lose_weights(model):
        for buffer in model.buffers:
            buffer.data = None

    changed = with_changes(path, tmp_path / "a.tflite", lose_weights)
    with pytest.raises(ValueError, match=r"a\.tflite: not a detector .* \(.*lacks data\)$"):
        LiteRTDetector(changed)
