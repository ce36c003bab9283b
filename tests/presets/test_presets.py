import hashlib
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_ssd
from keras_ssd import cli
from keras_ssd.classes import VOC_CLASSES
from keras_ssd.geometry import iou
from keras_ssd.presets import find_preset, is_preset, list_presets, packaged_file

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"
PACKAGED = ["ssd_mobilenet_320_voc", "ssd_mobilenet_320_voc_int8"]


@pytest.fixture(scope="module", params=PACKAGED)
def packaged(request):
    return keras_ssd.load_detector(request.param)


def found_in(detector, photo):
    (found,) = detector.detect([photo], confidence_threshold=0.4)
    return [(record["label"], record["box"]) for record in found.to_records()]


def test_a_packaged_preset_detects_vocs_classes_at_320_pixels(packaged):
    assert packaged.class_names == VOC_CLASSES
    assert packaged.image_size == 320


@pytest.mark.parametrize(
    ("photo", "name", "box"),
    [("chelsea.jpg", "cat", (0, 0, 410, 300)), ("astronaut.jpg", "person", (10, 0, 360, 510))],
)
def test_a_packaged_preset_finds_what_is_in_a_photo(packaged, photo, name, box):
    objects = found_in(packaged, PHOTOS / photo)
    boxes = np.array([found for label, found in objects if label == name])
    assert len(boxes) == 1
    assert iou(boxes, np.array([box]))[0, 0] > 0.7


@pytest.mark.parametrize(
    ("photo", "names"),
    [
        ("dog.jpg", {"dog", "bicycle", "car"}),
        ("person.jpg", {"person", "dog", "horse"}),
        ("horses.jpg", {"horse"}),
    ],
)
def test_a_packaged_preset_finds_what_is_in_the_shared_photos(packaged, shared, photo, names):
    labels = [label for label, _ in found_in(packaged, shared / "data" / "photos" / photo)]
    assert names <= set(labels)


def test_the_packaged_keras_preset_holds_float32_weights_that_all_train():
    detector = keras_ssd.Detector.from_preset("ssd_mobilenet_320_voc")
    assert isinstance(detector, keras.Model)
    assert {weight.dtype for weight in detector.weights} == {"float32"}
    assert all(layer.trainable for layer in detector.ssd.layers)


def test_from_preset_of_the_int8_file_names_load_detector():
    message = r"^ssd_mobilenet_320_voc_int8: .*LiteRT file.*load it with keras_ssd\.load_detector$"
    with pytest.raises(ValueError, match=message):
        keras_ssd.Detector.from_preset("ssd_mobilenet_320_voc_int8")


def test_presets_have_all_that_a_user_asks_for():
    names = [preset.name for preset in list_presets()]
    assert names[:2] == PACKAGED
    assert len(set(names)) == len(names)
    for preset in list_presets():
        assert hasattr(keras_ssd, preset.architecture)
        assert preset.classes
        assert preset.trained_by
        assert "published" in preset.metric or "measured" in preset.metric
        assert preset.megabytes > 1
        assert preset.url is None or preset.url.startswith("http")
        assert is_preset(preset.name)
        assert find_preset(preset.name) is preset


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_file_has_the_size_and_digest_of_the_table(name):
    preset = find_preset(name)
    content = packaged_file(preset).read_bytes()
    assert hashlib.sha256(content).hexdigest() == preset.sha256
    assert round(len(content) / 1e6, 1) == preset.megabytes


def test_a_name_that_no_preset_has_is_answered_with_the_names():
    assert not is_preset("ssd_mobilenet")
    message = r"^yolo: there is no preset of this name; expected one of ssd_mobilenet_320"
    for find in (find_preset, keras_ssd.Detector.from_preset):
        with pytest.raises(ValueError, match=message):
            find("yolo")


def test_the_command_lists_them_with_where_they_come_from(capsys):
    assert cli.main(["presets"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.split()[0] == "name"
    assert [line.split()[0] for line in lines] == [preset.name for preset in list_presets()]
    for preset, line in zip(list_presets(), lines, strict=True):
        assert ("  download  " in line) == (preset.url is not None)
        assert ("  in the package  " in line) == (preset.url is None)


@pytest.mark.parametrize("load", [find_preset, keras_ssd.load_detector])
@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ssd_mobilenet_320", "ssd_mobilenet_320_voc"),
        ("ssd-mobilenet-300-coco", "ssd_mobilenet_300_coco"),
        ("SSD300_VOC_Cafe", "ssd300_voc_caffe"),
        ("ssd_mobilenet_320_voc_int", "ssd_mobilenet_320_voc_int8"),
    ],
)
def test_a_misspelt_name_leads_to_the_most_similar_one(load, name, meant):
    with pytest.raises(ValueError, match=f"^{name}: .*; did you mean {meant}\\?$"):
        load(name)
