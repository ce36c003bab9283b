"""A SavedModel used like the detector that it was exported from."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from keras_ssd import load_detector, loading
from keras_ssd.formats.saved_model.read import SavedModelDetector

METADATA = "assets.extra/metadata.json"


@pytest.fixture(scope="module")
def loaded(exported):
    return SavedModelDetector(exported)


@pytest.fixture
def copy(exported, tmp_path):
    """A copy of the SavedModel to damage, as version 2 in a folder."""
    return shutil.copytree(exported, tmp_path / "copy" / "2")


def change_metadata(folder, changes):
    metadata = json.loads((folder / METADATA).read_text())
    (folder / METADATA).write_text(json.dumps({**metadata, **changes}))


def test_it_predicts_what_the_detector_does(detector, loaded):
    images = np.random.default_rng(0).integers(0, 256, (3, 90, 150, 3), np.uint8)
    found, expected = loaded.predict(images), detector.predict(images, verbose=0)
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_allclose(found[name], values, atol=1e-5)


def test_it_says_what_the_detector_is(loaded):
    assert loaded.class_names == ("cat", "dög", "犬")
    assert loaded.image_size == 128
    assert loaded.confidence_threshold == 0.01
    assert loaded.iou_threshold == 0.45
    assert loaded.max_detections == 9


def test_it_gives_the_raw_outputs_of_the_network(detector, loaded):
    images = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    found = loaded.raw_outputs(images)
    expected = detector.ssd.predict(images.astype(np.float32), verbose=0)
    assert set(found) == set(expected) == {"offsets", "classes"}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=1e-5)


def test_an_empty_batch_is_refused(loaded):
    with pytest.raises(ValueError, match="images: expected at least one"):
        loaded.predict_on_batch(np.zeros((0, 90, 150, 3), np.uint8))


def test_8_threads_that_share_one_get_their_own_results(loaded):
    images = np.random.default_rng(0).integers(0, 256, (8, 1, 90, 150, 3), np.uint8)
    expected = [loaded.predict_on_batch(image) for image in images]
    assert len({found["scores"].tobytes() for found in expected}) == 8
    choices = np.random.default_rng(1).integers(0, 8, 100)
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda index: loaded.predict_on_batch(images[index]), choices)
    for index, found in zip(choices, results, strict=True):
        for name, values in expected[index].items():
            np.testing.assert_allclose(found[name], values, atol=1e-5)


def test_of_several_versions_the_one_with_the_highest_number_is_loaded(exported, tmp_path):
    for version in ("9", "10"):
        shutil.copytree(exported, tmp_path / version)
    change_metadata(tmp_path / "9", {"class_names": "damaged"})
    assert SavedModelDetector(tmp_path).class_names == ("cat", "dög", "犬")


def test_a_folder_without_a_saved_model_is_refused(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(ValueError, match=r"expected a folder with saved_model\.pb"):
        SavedModelDetector(tmp_path)


@pytest.mark.parametrize("lost", ["assets.extra", "variables"])
def test_a_saved_model_that_lacks_a_part_is_refused(copy, lost):
    shutil.rmtree(copy / lost)
    with pytest.raises(
        ValueError, match=r"2: not a detector exported as a SavedModel .*"
    ) as raised:
        SavedModelDetector(copy.parent)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("saved_model.pb", b"damaged"),
        ("variables/variables.data-00000-of-00001", b"damaged"),
        (METADATA, b"[]"),
        (METADATA, b"{}"),
        (METADATA, b'{"class_names'),
        (METADATA, b"\xff\xfe"),
    ],
)
def test_a_damaged_saved_model_is_refused(copy, file, content):
    (copy / file).write_bytes(content)
    with pytest.raises(ValueError, match=r"2: not a detector exported as a SavedModel .*"):
        SavedModelDetector(copy)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("class_names", ["cat", "dog", "犬"]),
        ("class_names", ["cat", "dög"]),
        ("image_size", 300),
        ("confidence_threshold", 0.5),
        ("iou_threshold", 0.5),
        ("max_detections", 10),
    ],
)
def test_metadata_that_says_something_else_than_the_model_is_refused(copy, name, value):
    change_metadata(copy, {name: value})
    with pytest.raises(
        ValueError, match=rf"2: not a .* \(assets.extra/metadata.json says {name} .*, but"
    ):
        SavedModelDetector(copy)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("class_names", "cat"),
        ("class_names", ["cat", "cat", "犬"]),
        ("class_names", [1, 2, 3]),
        ("image_size", "128"),
        ("image_size", True),
        ("image_size", 0),
        ("confidence_threshold", 1.5),
        ("confidence_threshold", float("nan")),
        ("iou_threshold", None),
        ("max_detections", 9.0),
    ],
)
def test_metadata_that_no_detector_can_have_is_refused(copy, name, value):
    change_metadata(copy, {name: value})
    with pytest.raises(
        ValueError, match=rf"2: not a detector exported as a SavedModel .* \(metadata.*{name}"
    ):
        SavedModelDetector(copy)


def test_a_saved_model_of_something_else_is_refused(copy):
    shutil.rmtree(copy / "variables")
    module = tf.Module()
    module.double = tf.function(lambda x: 2 * x, input_signature=[tf.TensorSpec((), tf.float32)])
    tf.saved_model.save(module, str(copy))
    with pytest.raises(
        ValueError,
        match=r"2: not a detector exported as a SavedModel .* \(there is no signature predict_",
    ):
        SavedModelDetector(copy)


def test_load_detector_opens_a_folder(exported):
    assert load_detector(exported.parent).class_names == ("cat", "dög", "犬")


def test_a_preset_is_not_taken_for_a_folder_of_the_same_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ssd_mobilenet_320_voc").mkdir()
    detector = loading.load_detector("ssd_mobilenet_320_voc")
    assert detector.image_size == 320
