"""A SavedModel used like the detector that it came from."""

import shutil

import numpy as np
import pytest

from keras_ssd import SSDTiny128, build_detector, load_detector, models
from keras_ssd.formats.saved_model.read import SavedModelDetector
from keras_ssd.formats.saved_model.write import export_saved_model


@pytest.fixture(scope="module")
def tiny():
    return build_detector(SSDTiny128(2), ("cat", "dog"), max_detections=5)


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    return export_saved_model(tiny, tmp_path_factory.mktemp("models") / "tiny", version=2).parent


@pytest.mark.parametrize("place", ["", "2"])
def test_it_predicts_what_the_detector_does(tiny, folder, place):
    loaded = SavedModelDetector(folder / place)
    assert loaded.class_names == ("cat", "dog")
    assert loaded.image_size == 128
    images = np.random.default_rng(0).integers(0, 256, (3, 90, 150, 3), np.uint8)
    found, expected = loaded.predict(images), tiny.predict(images, verbose=0)
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_allclose(found[name], values, atol=1e-5)


def test_of_several_versions_the_highest_by_number_is_loaded(folder, tmp_path):
    for version in ("9", "10"):
        shutil.copytree(folder / "2", tmp_path / version)
    metadata = tmp_path / "10" / "assets.extra" / "metadata.json"
    metadata.write_text(metadata.read_text().replace("cat", "lynx"))
    assert SavedModelDetector(tmp_path).class_names == ("lynx", "dog")


def test_a_folder_without_a_saved_model_is_refused(tmp_path):
    (tmp_path / "1").mkdir()
    with pytest.raises(ValueError, match=r"expected a folder with saved_model\.pb"):
        SavedModelDetector(tmp_path)


@pytest.mark.parametrize("lost", ["assets.extra", "variables"])
def test_a_saved_model_that_lacks_a_part_is_refused(folder, tmp_path, lost):
    shutil.copytree(folder / "2", tmp_path / "2")
    shutil.rmtree(tmp_path / "2" / lost)
    with pytest.raises(ValueError, match=r"2: not a SavedModel of a detector") as raised:
        SavedModelDetector(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("saved_model.pb", b"damaged"),
        ("variables/variables.data-00000-of-00001", b"damaged"),
        ("assets.extra/metadata.json", b"[]"),
    ],
)
def test_a_damaged_saved_model_is_refused(folder, tmp_path, file, content):
    shutil.copytree(folder / "2", tmp_path / "2")
    (tmp_path / "2" / file).write_bytes(content)
    with pytest.raises(ValueError, match=r"2: not a SavedModel of a detector"):
        SavedModelDetector(tmp_path)


def test_load_detector_opens_a_folder(folder):
    assert load_detector(folder).class_names == ("cat", "dog")


def test_a_presets_name_is_not_taken_for_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ssd_mobilenet_320_voc").mkdir()
    monkeypatch.setattr(models, "load_detector", lambda model, **options: f"preset {model}")
    assert load_detector("ssd_mobilenet_320_voc") == "preset ssd_mobilenet_320_voc"
