"""Whether there is enough to look at for an export."""

import numpy as np
import pytest

from keras_ssd.images import write_image
from keras_ssd.inputs import Input
from keras_ssd.runtime import amount, are_many


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "a.png"
    write_image(np.zeros((4, 4, 3), np.uint8), path)
    return path


def test_100_images_are_many_and_99_are_not(image):
    assert not are_many([image] * 99)
    assert are_many([image] * 100)
    assert not are_many(image)
    assert not are_many([])


def test_the_images_of_a_folder_count(image):
    for number in range(100):
        (image.parent / f"{number}.png").write_bytes(image.read_bytes())
    assert are_many(image.parent)
    assert not are_many([image.parent / "b", image])


class Film(Input):
    video = "information on a video"


class Camera(Input):
    live = True


class Broken(Input):
    @property
    def video(self):
        raise ValueError("damaged")


@pytest.mark.parametrize(("found", "many"), [(Film, True), (Camera, True), (Broken, False)])
def test_a_video_and_a_camera_are_many(monkeypatch, image, found, many):
    monkeypatch.setattr(amount, "find_inputs", lambda *args, **options: iter([found("a")]))
    assert are_many([image]) is many


def test_a_stream_is_many_without_being_opened():
    assert are_many(["rtsp://camera/1"])


@pytest.fixture
def no_download(monkeypatch):
    def fail(self):
        raise AssertionError("the web was read")

    monkeypatch.setattr("keras_ssd.inputs.downloads.Download._opened", fail)


def test_neither_the_standard_input_nor_the_web_is_read(monkeypatch, no_download):
    monkeypatch.setattr("sys.stdin", None)
    assert not are_many(["-", "https://example.org/a.jpg", "b.jpg"])
    assert are_many(["https://example.org/a.jpg"] * 100)


def test_the_addresses_in_a_list_are_not_read_either(tmp_path, no_download):
    names = tmp_path / "list.txt"
    names.write_text("https://example.org/a.mp4\n" * 99)
    assert not are_many([names])
    names.write_text("https://example.org/a.mp4\nrtsp://camera/1\n")
    assert are_many([names])
