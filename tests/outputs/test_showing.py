"""The window, with functions in the place of those of OpenCV."""

import numpy as np
import pytest

from keras_ssd.images.opencv import cv2
from keras_ssd.outputs import showing
from keras_ssd.outputs.detecting import detect_to_folder
from keras_ssd.outputs.showing import Window, detect_and_show


@pytest.fixture
def screen(monkeypatch):
    """What is shown, in BGR; `keys` are the keys that are pressed."""

    class Screen:
        images, keys, titles = [], [], []

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", lambda title, flags: Screen.titles.append(title))
    monkeypatch.setattr(cv2, "resizeWindow", lambda title, width, height: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, image: Screen.images.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda wait: Screen.keys.pop(0) if Screen.keys else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda title, key: float(title in Screen.titles))
    monkeypatch.setattr(cv2, "destroyWindow", Screen.titles.remove)
    return Screen


def test_without_a_display_one_line_says_so(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(showing.sys, "platform", "linux")
    with pytest.raises(ValueError, match=r"^show: there is no display"):
        Window("a")


def test_an_opencv_without_windows_is_explained(monkeypatch):
    def refuse(*arguments):
        raise cv2.error("not implemented")

    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", refuse)
    with pytest.raises(ValueError, match=r"^show: this OpenCV opens no windows"):
        Window("a")


def test_still_images_wait_for_a_key_and_q_ends(screen):
    window, image = Window("a"), np.full((3, 4, 3), (1, 2, 3), np.uint8)
    screen.keys += [-1, -1, ord(" ")]
    assert window.show(image, is_still=True)
    assert screen.keys == []
    np.testing.assert_array_equal(screen.images[0][0, 0], [3, 2, 1])
    screen.keys += [ord("q")]
    assert not window.show(image, is_still=True)


def test_frames_do_not_wait_and_a_closed_window_ends(screen):
    window, image = Window("a"), np.zeros((3, 4, 3), np.uint8)
    assert window.show(image, is_still=False)
    screen.keys += [27]
    assert not window.show(image, is_still=False)
    window.close()
    assert not window.show(image, is_still=False)


def test_what_is_found_is_shown_and_nothing_is_written(
    screen, detector, new_film, tmp_path, monkeypatch
):
    film = new_film(tmp_path / "film.mp4", [10, 20, 30, 40])
    monkeypatch.chdir(tmp_path)
    found = []
    problems = detect_and_show(
        detector,
        [film, "missing.jpg"],
        Window("a"),
        every=2,
        on_image=lambda one, path: found.append((one.frame, path)),
    )
    assert found == [(0, None), (2, None)]
    assert len(screen.images) == 2
    assert screen.images[0].std() > 10  # a box is drawn
    assert ["missing.jpg" in problem for problem in problems] == [True]
    assert screen.titles == []
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]


def test_a_limit_ends_the_show(screen, detector, new_film, tmp_path):
    film = new_film(tmp_path / "film.mp4", [10, 20, 30, 40])
    detect_and_show(detector, film, Window("a"), limit=3)
    assert len(screen.images) == 3


@pytest.mark.parametrize("limit", [3, 4])
def test_a_limit_counts_the_frames_between_as_a_run_into_a_folder_does(
    screen, detector, new_film, tmp_path, limit
):
    film = new_film(tmp_path / "film.mp4", [10, 20, 30, 40, 50, 60])
    detect_and_show(detector, film, Window("a"), every=2, limit=limit)
    assert len(screen.images) == 2
    looked_at = []
    detect_to_folder(
        detector,
        film,
        tmp_path / "out",
        every=2,
        limit=limit,
        on_image=lambda found, path: looked_at.append(found.frame),
    )
    assert looked_at == [0, 2]


def test_a_run_into_a_folder_shows_the_frames_between_too(screen, detector, new_film, tmp_path):
    film = new_film(tmp_path / "film.mp4", [10, 20, 30, 40])
    detect_to_folder(detector, film, tmp_path / "out", every=2, show=Window("a"))
    assert [image.std() > 10 for image in screen.images] == [True] * 4
    assert screen.titles == []


def test_a_run_whose_window_is_closed_goes_on_later(
    screen, detector, new_film, tmp_path, frames_of
):
    film = new_film(tmp_path / "film.mp4", range(10, 50))
    screen.keys += [-1] * 9 + [ord("q")]
    detect_to_folder(detector, film, tmp_path / "out", show=Window("a"))
    assert len(frames_of(tmp_path / "out" / "film.mp4")) == 10
    detect_to_folder(detector, film, tmp_path / "out", resume=True)
    assert len(frames_of(tmp_path / "out" / "film.mp4")) == 40
