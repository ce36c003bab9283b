"""Presets that come from a server, which runs on this machine."""

import dataclasses
import hashlib
import http.server
import threading
from functools import partial

import numpy as np
import pytest

import keras_ssd
from keras_ssd.presets import presets


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A preset with a tiny detector as its file, which the server has; and that file."""
    folder = tmp_path / "server"
    folder.mkdir()
    file = folder / "tiny.keras"
    keras_ssd.Detector(keras_ssd.SSDTiny128(2), ("cat", "dog")).save(file)
    handler = partial(QuietHandler, directory=str(folder))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        preset = dataclasses.replace(
            presets.find_preset("ssd_mobilenet_320_voc"),
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


def test_a_preset_is_downloaded_once(served):
    _, file = served
    detector = keras_ssd.load_detector("tiny")
    file.unlink()
    again = keras_ssd.Detector.from_preset("tiny")
    for first, second in zip(detector.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_preset_for_other_classes_keeps_those_that_it_knows(served):
    detector = keras_ssd.Detector.from_preset("tiny", class_names=["cow", "dog"])
    assert detector.class_names == ("cow", "dog")
    assert detector.carried_over == ("dog",)


def test_an_altered_file_is_refused(served):
    preset, file = served
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(ValueError, match=f"SHA-256 is .*, expected {preset.sha256}"):
        keras_ssd.load_detector("tiny")


def test_a_bad_file_in_the_cache_is_to_be_deleted(served, monkeypatch):
    preset, file = served
    file.write_bytes(b"PK\x03\x04 damaged")
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setattr(presets, "_PRESETS", (dataclasses.replace(preset, sha256=sha256),))
    with pytest.raises(ValueError, match=r"Delete it to download it from http.*tiny\.keras again"):
        keras_ssd.load_detector("tiny")


def test_a_checkpoint_without_a_digest_is_kept_only_if_it_can_be_read(
    served, monkeypatch, tmp_path
):
    preset, file = served
    (file.parent / "ssd.pth").write_bytes(b"PK\x03\x04 Too many requests, please try again")
    url = preset.url.replace("tiny.keras", "ssd.pth")
    changed = dataclasses.replace(preset, kind="amdegroot", url=url, sha256=None)
    monkeypatch.setattr(presets, "_PRESETS", (changed,))
    with pytest.raises(ValueError, match=r"ssd\.pth could not be downloaded: not a readable PyTor"):
        keras_ssd.load_detector("tiny")
    assert list((tmp_path / "home" / "models" / "keras_ssd").iterdir()) == []
