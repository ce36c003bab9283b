import cv2
import numpy as np
import pytest

from keras_ssd.inputs import find_inputs
from keras_ssd.inputs.camera import Camera


class FakeCapture:
    """Stands for cv2.VideoCapture: a camera that is blue in OpenCV's order, for three images."""

    opened = ()  # a list in each test

    def __init__(self, index):
        self.index, self.left, self.released = index, 3, False
        self.opened.append(self)

    def isOpened(self):
        return self.index < 2

    def read(self):
        self.left -= 1
        return self.left >= 0, np.full((48, 64, 3), (200, 100, 50), np.uint8)

    def get(self, key):
        return {
            cv2.CAP_PROP_FRAME_WIDTH: 64.0,
            cv2.CAP_PROP_FRAME_HEIGHT: 48.0,
            cv2.CAP_PROP_FPS: 29.97 if self.index else 0.0,
        }[key]

    def release(self):
        self.released = True


@pytest.fixture
def captures(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", FakeCapture)
    monkeypatch.setattr(FakeCapture, "opened", [])
    return FakeCapture.opened


@pytest.mark.parametrize("source", [1, "1", np.int64(1), ["1"]])
def test_a_number_is_a_camera(captures, source):
    sources = [source] if isinstance(source, np.integer) else source
    (camera,) = find_inputs(sources)
    assert isinstance(camera, Camera)
    assert (camera.name, camera.live, camera.path) == ("1", True, None)
    assert captures == []


def test_a_camera_gives_rgb_and_ends_with_an_error_when_it_is_unplugged(captures, until_error):
    (camera,) = find_inputs(0)
    frames, message = until_error(camera)
    assert message == "0: the camera gives no more images"
    assert 1 <= len(frames) <= 3
    assert frames[-1].number == 2
    assert (frames[0].image == (50, 100, 200)).all()
    assert [capture.released for capture in captures] == [True]


def test_a_camera_says_its_size_and_its_rate_if_it_states_one(captures):
    cameras = list(find_inputs([0, 1]))
    assert (cameras[0].video.width, cameras[0].video.height) == (64, 48)
    assert cameras[0].video.rate is None
    assert float(cameras[1].video.rate) == pytest.approx(29.97)
    next(cameras[1].frames())
    assert len(captures) == 2  # what `video` has opened is used


@pytest.mark.parametrize("source", [2, -1, 5000, "99999999999999999999"])
def test_a_camera_that_is_not_there_is_one_clear_line(captures, source):
    (camera,) = find_inputs([source])
    expected = r"^(\S+): there is no camera \1, or another program uses it$"
    with pytest.raises(ValueError, match=expected):
        next(camera.frames())
    with pytest.raises(ValueError, match=expected):
        _ = camera.video


def test_opencv_prints_nothing_about_a_missing_camera(capfd):
    level = cv2.utils.logging.getLogLevel()
    with pytest.raises(ValueError, match="there is no camera 987"):
        next(Camera(987).frames())
    assert capfd.readouterr() == ("", "")
    assert cv2.utils.logging.getLogLevel() == level


def test_a_file_whose_name_is_a_number_is_that_file(tmp_path, monkeypatch, found, photo):
    photo("7")
    monkeypatch.chdir(tmp_path)
    (one,) = find_inputs("7")
    assert (next(one.frames()).image == 90).all()


def test_a_bool_is_not_a_camera():
    (one,) = find_inputs([True])
    with pytest.raises(ValueError, match=r"^sources\[0\]: expected .*, not bool"):
        next(one.frames())
