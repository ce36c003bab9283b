"""Videos, and animated images, which are videos."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from keras_ssd.inputs import find_inputs
from keras_ssd.inputs.animations import WebpAnimation
from keras_ssd.inputs.input import ImageFile
from keras_ssd.inputs.videos import VideoFile
from keras_ssd.video import BrokenVideoError

GRAYS = (0, 40, 80, 120, 160)
DURATIONS = (100, 50, 200, 100, 50)  # milliseconds


@pytest.fixture
def animation(tmp_path):
    """A function that writes an animated image of five gray pictures of 64 x 48 pixels."""

    def write(name, kind, **options):
        pictures = [Image.new("RGB", (64, 48), (gray, gray, gray)) for gray in GRAYS]
        options = {"save_all": True, "append_images": pictures[1:], "duration": DURATIONS} | options
        pictures[0].save(tmp_path / name, kind, **options)
        return tmp_path / name

    return write


def grays(frames):
    return [round(float(frame.image.mean()), -1) for frame in frames]


def one(path):
    (found,) = find_inputs(path)
    return found


def test_a_video_gives_all_its_frames_with_numbers_and_times(film):
    path = film("a.mp4", GRAYS)
    found = one(path)
    assert isinstance(found, VideoFile)
    assert (found.name, found.path, found.live) == (str(path), str(path), False)
    frames = list(found.frames())
    assert grays(frames) == [0, 40, 80, 120, 160]
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert {frame.source for frame in frames} == {str(path)}
    time_base = found.video.time_base
    assert [frame.pts * time_base for frame in frames] == [Fraction(n, 10) for n in range(5)]


def test_a_video_says_its_size_and_rate_before_and_after_its_frames(film):
    found = one(film("a.mp4", GRAYS))
    for _ in range(2):
        video = found.video
        assert (video.width, video.height, video.rate) == (64, 48, 10)
        assert len(list(found.frames())) == 5


def test_from_a_start_on_the_frames_keep_their_numbers(film):
    found = one(film("a.mp4", GRAYS))
    assert [(frame.number, grays([frame])) for frame in found.frames(3)] == [(3, [120]), (4, [160])]
    assert list(found.frames(5)) == []


@pytest.mark.parametrize("name", ["a.jpg", "b.txt", "c"])
def test_a_video_with_a_wrong_name_is_a_video(film, name):
    path = film("a.mp4")
    assert grays(one(path.rename(path.with_name(name))).frames()) == [0, 40, 80, 120, 160]


def test_an_image_with_the_name_of_a_video_is_an_image(photo):
    path = photo("a.mp4")
    assert isinstance(one(path), ImageFile)
    assert grays(one(path).frames()) == [90]


def test_a_text_with_the_name_of_a_video_is_named(tmp_path):
    (tmp_path / "a.mp4").write_text("This is not a video.\n" * 99)
    with pytest.raises(BrokenVideoError, match=rf"^{tmp_path}/a\.mp4: not a video"):
        next(one(tmp_path / "a.mp4").frames())
    with pytest.raises(BrokenVideoError, match=rf"^{tmp_path}/a\.mp4: not a video"):
        _ = one(tmp_path / "a.mp4").video


def test_a_video_that_is_cut_off_gives_what_is_readable_and_then_its_name(film, until_error):
    path = film("a.mp4", range(0, 250, 5), options={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    frames, message = until_error(one(path))
    assert 10 < len(frames) < 50
    assert message.startswith(f"{path}: ")


def test_a_missing_pyav_is_named_with_the_command_that_installs_it(film, monkeypatch):
    found = one(film("a.mp4"))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r'a\.mp4: videos need PyAV .*pip install "av'):
        next(found.frames())


def test_an_animated_gif_is_a_video(animation):
    found = one(animation("a.jpg", "GIF"))
    assert isinstance(found, VideoFile)
    frames = list(found.frames())
    assert grays(frames) == [0, 40, 80, 120, 160]
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.15, 0.35, 0.45])
    assert (found.video.width, found.video.height) == (64, 48)


@pytest.mark.parametrize("alpha", [False, True])
def test_an_animated_webp_is_a_video(animation, alpha):
    path = animation("a.webp", "WEBP", lossless=True)
    if alpha:
        pictures = [Image.new("RGBA", (64, 48), (gray, gray, gray, 255)) for gray in GRAYS]
        pictures[0].save(
            path, save_all=True, append_images=pictures[1:], duration=DURATIONS, lossless=True
        )
    found = one(path)
    assert isinstance(found, WebpAnimation)
    frames = list(found.frames())
    assert grays(frames) == [0, 40, 80, 120, 160]
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.15, 0.35, 0.45])
    assert [frame.pts for frame in frames] == [0, 100, 150, 350, 450]
    assert [frame.number for frame in found.frames(3)] == [3, 4]
    video = found.video
    assert (video.width, video.height, video.frame_count) == (64, 48, 5)
    assert (video.rate, video.time_base) == (10, Fraction(1, 1000))


def test_pictures_of_a_webp_that_state_no_time_last_a_tenth_of_a_second(animation):
    found = one(animation("a.webp", "WEBP", duration=0))
    assert [frame.time for frame in found.frames()] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


def test_an_animated_webp_that_is_cut_off_or_too_large_is_named(animation, monkeypatch):
    path = animation("a.webp", "WEBP")
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "3000")
    with pytest.raises(ValueError, match=rf"^{path}: the image has 64 x 48 pixels, more than"):
        next(one(path).frames())
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BrokenVideoError, match=rf"^{path}: "):
        next(one(path).frames())


def test_an_animated_webp_without_pillow_names_the_command_that_installs_it(animation, monkeypatch):
    found = one(animation("a.webp", "WEBP"))
    monkeypatch.setitem(sys.modules, "PIL.WebPImagePlugin", None)
    with pytest.raises(ValueError, match=r"a\.webp: .* need Pillow: pip install pillow"):
        next(found.frames())


def test_the_first_picture_of_an_mpo_is_its_image(tmp_path):
    first, second = Image.new("RGB", (16, 16), (90, 90, 90)), Image.new("RGB", (16, 16))
    first.save(tmp_path / "a.mpo", "MPO", save_all=True, append_images=[second])
    found = one(tmp_path / "a.mpo")
    assert found.video is None
    assert grays(found.frames()) == [90]


def test_images_are_read_without_loading_pyav(photo):
    script = (
        "import sys\nfrom keras_ssd.inputs import find_inputs\n"
        f"assert len([f for i in find_inputs({str(photo('a.png'))!r}) for f in i.frames()]) == 1\n"
        "print({'av', 'mss', 'PIL', 'keras', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_a_folder_mixes_images_and_videos(film, photo, tmp_path):
    film("b.mp4", (120,))
    photo("c.png")
    photo("a.png", 30)
    frames = [frame for found in find_inputs(tmp_path) for frame in found.frames()]
    assert grays(frames) == [30, 120, 90]
    assert [frame.number for frame in frames] == [None, 0, None]
    assert frames[0].image.dtype == np.uint8
