import dataclasses
import hashlib
import http.server
import threading
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_ssd
from keras_ssd import cli
from keras_ssd.classes import VOC_CLASSES
from keras_ssd.detector.detector import ssd_model
from keras_ssd.geometry import iou
from keras_ssd.models import SSDTiny128, build_detector, presets

PHOTOS = Path(__file__).parents[2] / "examples" / "photos"


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A preset whose file, a tiny detector, comes from a server on this machine; and that file."""
    folder = tmp_path / "server"
    folder.mkdir()
    file = folder / "tiny.keras"
    build_detector(SSDTiny128(2), ("cat", "dog")).save(file)
    handler = partial(QuietHandler, directory=str(folder))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        preset = dataclasses.replace(
            presets.list_presets()[0],
            name="tiny",
            url=f"http://127.0.0.1:{server.server_address[1]}/tiny.keras",
            sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
        )
        monkeypatch.setattr(presets, "_PRESETS", (preset,))
        yield preset, file
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def packaged():
    return keras_ssd.load_detector("ssd_mobilenet_320_voc")


def test_the_packaged_preset_is_a_detector_of_vocs_classes(packaged):
    assert isinstance(packaged, keras.Model)
    assert keras_ssd.class_names(packaged) == VOC_CLASSES
    assert {weight.dtype for weight in packaged.weights} == {"float32"}
    assert all(layer.trainable for layer in ssd_model(packaged).layers)


def found_in(detector, photo):
    (found,) = keras_ssd.detect(detector, [photo], confidence_threshold=0.4)
    return [(record["label"], record["box"]) for record in found.to_records()]


@pytest.mark.parametrize(
    ("photo", "name", "box"),
    [("chelsea.jpg", "cat", (0, 0, 410, 300)), ("astronaut.jpg", "person", (10, 0, 360, 510))],
)
def test_the_packaged_preset_finds_what_is_in_a_photo(packaged, photo, name, box):
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
def test_the_packaged_preset_finds_what_is_in_the_shared_photos(packaged, shared, photo, names):
    labels = [label for label, _ in found_in(packaged, shared / "data" / "photos" / photo)]
    assert names <= set(labels)


def test_presets_have_all_that_a_user_asks_for():
    names = [preset.name for preset in keras_ssd.list_presets()]
    assert names[0] == "ssd_mobilenet_320_voc"
    assert len(set(names)) == len(names) == 6
    for preset in keras_ssd.list_presets():
        assert hasattr(keras_ssd, preset.architecture)
        assert preset.classes
        assert preset.trained_by
        assert "published" in preset.metric or "measured" in preset.metric
        assert preset.megabytes > 1
        assert preset.url is None or preset.url.startswith("http")


def test_a_preset_is_downloaded_once(served):
    _, file = served
    detector = keras_ssd.load_detector("tiny")
    file.unlink()
    again = keras_ssd.load_detector("tiny")
    for first, second in zip(detector.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_file_in_place_of_the_download(served, tmp_path):
    _, file = served
    file.rename(tmp_path / "mine.keras")
    detector = keras_ssd.load_detector("tiny", weights=tmp_path / "mine.keras")
    assert keras_ssd.class_names(detector) == ("cat", "dog")
    assert not (tmp_path / "home").exists()


def test_an_altered_file_is_refused(served):
    preset, file = served
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(ValueError, match=f"SHA-256 is .*, expected {preset.sha256}"):
        keras_ssd.load_detector("tiny")


def test_another_detectors_file_is_refused(served, tmp_path):
    build_detector(SSDTiny128(1), ("cow",)).save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match=r"other\.keras is not the file of tiny; .*by its path"):
        keras_ssd.load_detector("tiny", weights=tmp_path / "other.keras")


def test_a_file_of_something_else_is_refused_and_the_right_one_named(tmp_path):
    (tmp_path / "other.pth").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"other\.pth: .*Expected the file of https://s3\."):
        keras_ssd.load_detector("ssd300_voc_caffe", weights=tmp_path / "other.pth")


def test_the_packaged_file_is_known_by_its_hash():
    preset = keras_ssd.list_presets()[0]
    assert presets.sha256_of(presets._packaged_file(preset)) == preset.sha256


def test_weights_that_are_not_there_or_go_with_no_preset(tmp_path):
    with pytest.raises(ValueError, match=r"weights: .*absent\.pth: no such file"):
        keras_ssd.load_detector("ssd300_voc_caffe", weights=tmp_path / "absent.pth")
    with pytest.raises(ValueError, match="go with a preset"):
        keras_ssd.load_detector("some.keras", weights=tmp_path / "absent.pth")


def test_an_unknown_name_is_answered_with_the_names():
    with pytest.raises(ValueError, match=r"no such file; expected .*ssd_mobilenet_320_voc, ssd"):
        keras_ssd.load_detector("ssd_mobilenet_320")


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("ssd_mobilenet_300_coco", ("tensorflow",)),
        ("ssd300_coco_torchvision", ("torch", "torchvision")),
        ("ssd300_voc_amdegroot", ("torch", "amdegroot")),
        ("ssd300_voc_caffe", ("torch", "caffe")),
    ],
)
def test_each_file_goes_to_its_reader(name, reader, tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    for kind in ("tensorflow", "torch"):
        monkeypatch.setattr(
            presets,
            f"convert_{kind}_checkpoint",
            lambda path, *source, kind=kind: (path, kind, *source),
        )
    monkeypatch.setattr(presets, "with_precision", lambda detector, precision: detector)
    assert presets.load_detector(name, weights=file) == (file, *reader)


def test_a_preset_too_large_for_the_package_is_taken_by_its_path(capsys):
    with pytest.raises(ValueError, match=r"take saved_models/ssd300_vgg16_voc/.*\.keras from the"):
        keras_ssd.load_detector("ssd300_vgg16_voc")
    assert cli.main(["presets"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "in the package" in lines["ssd_mobilenet_320_voc"]
    assert "repository" in lines["ssd300_vgg16_voc"]
    assert "download" in lines["ssd300_voc_caffe"]


def test_a_bad_file_in_the_cache_is_to_be_deleted(served):
    preset, file = served
    unchecked = dataclasses.replace(preset, sha256=None)
    file.write_text("<html>Please log in</html>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(presets, "_PRESETS", (unchecked,))
        with pytest.raises(ValueError, match="Delete it to have it downloaded from http"):
            keras_ssd.load_detector("tiny")


def test_the_command_lists_them(capsys):
    assert cli.main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [p.name for p in keras_ssd.list_presets()]
