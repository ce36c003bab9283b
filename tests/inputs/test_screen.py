import sys
import types

import pytest

from keras_ssd.inputs import find_inputs
from keras_ssd.inputs.screen import Screen


class ScreenShotError(Exception):
    pass


class FakeMSS:
    """Stands for mss.MSS: two screens; the first is 4 x 2 pixels and turns brighter."""

    monitors = (
        {"left": 0, "top": 0, "width": 12, "height": 2},
        {"left": 0, "top": 0, "width": 4, "height": 2},
        {"left": 4, "top": 0, "width": 8, "height": 2},
    )
    closed = 0

    def __init__(self):
        self.shots = 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        FakeMSS.closed += 1

    def grab(self, area):
        self.shots += 1
        if self.shots == 4:
            raise ScreenShotError("locked")
        size = area["width"] * area["height"]
        return types.SimpleNamespace(
            width=area["width"], height=area["height"], bgra=bytes([3, 2, self.shots, 255]) * size
        )


@pytest.fixture
def screens(monkeypatch):
    module = types.ModuleType("mss")
    module.MSS, module.ScreenShotError = FakeMSS, ScreenShotError
    monkeypatch.setitem(sys.modules, "mss", module)
    monkeypatch.setattr(FakeMSS, "closed", 0)


def test_the_screen_gives_a_new_picture_each_time(screens):
    (screen,) = find_inputs("screen")
    assert isinstance(screen, Screen)
    assert (screen.name, screen.live) == ("screen", True)
    frames, seen = screen.frames(start=5), []
    for _ in range(3):
        seen.append(next(frames))
    assert [frame.number for frame in seen] == [5, 6, 7]
    assert [frame.image[1, 3].tolist() for frame in seen] == [[1, 2, 3], [2, 2, 3], [3, 2, 3]]
    assert {frame.image.shape for frame in seen} == {(2, 4, 3)}
    assert seen[0].time == 0 < seen[1].time < seen[2].time
    with pytest.raises(ValueError, match=r"^screen: the screen cannot be read \(locked\)"):
        next(frames)
    assert FakeMSS.closed == 1


def test_the_screen_says_its_size(screens):
    video = Screen().video
    assert (video.width, video.height, video.rate) == (4, 2, None)


def test_leaving_the_frames_closes_the_screen(screens):
    frames = Screen().frames()
    next(frames)
    frames.close()
    del frames
    assert FakeMSS.closed == 1


def test_a_computer_without_a_display_is_one_clear_line(monkeypatch):
    pytest.importorskip("mss", reason='needs pip install "keras-ssd[screen]"')
    if sys.platform != "linux":
        pytest.skip("has a display")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(ValueError, match=r"^screen: the screen cannot be read \(.*display.*\)$"):
        next(Screen().frames())


def test_without_mss_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "mss", None)
    with pytest.raises(ValueError, match=r'^screen: .*pip install "keras-ssd\[screen\]"'):
        next(Screen().frames())


def test_a_file_named_screen_is_that_file(tmp_path, monkeypatch, photo):
    photo("screen")
    monkeypatch.chdir(tmp_path)
    (one,) = find_inputs("screen")
    assert (next(one.frames()).image == 90).all()
