"""Whole videos: every frame comes, in order, upright, with its time."""

import os
import sys
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from keras_ssd.video import (
    BrokenVideoError,
    VideoReader,
    VideoWriter,
    frames_in_part,
    join_parts,
)

BLUE, GREEN = (10, 20, 90), (0, 160, 0)


def read(path, **options):
    with VideoReader(path) as video:
        return video.info, list(video.frames(**options))


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("film.mp4", "libx264", "yuv420p"),  # with B-frames
        ("film.mov", "libx264", "yuv444p"),
        ("film.mkv", "libx264", "yuv420p10le"),
        ("film.ts", "libx264", "yuv420p"),
        ("film.avi", "libx264", "yuv420p"),
        ("film.avi", "mpeg4", "yuv420p"),
        ("film.webm", "libvpx-vp9", "yuv420p"),
        ("film.mp4", "libx265", "yuv420p10le"),
        ("film.mpg", "mpeg2video", "yuv420p"),
        ("film.avi", "mjpeg", "yuvj420p"),
        ("film.gif", "gif", "rgb8"),
        ("film.flv", "flv1", "yuv420p"),
    ],
)
def test_every_frame_comes_once_and_in_order(write_video, number_in, name, codec, pixels):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    info, frames = read(write_video(name, 40, codec=codec, pixels=pixels, options=options))
    assert [frame.number for frame in frames] == list(range(40))
    assert [number_in(frame.image) for frame in frames] == list(range(40))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(40) / 25, abs=0.001)
    assert frames[0].pts == info.start_pts
    assert info.frame_count in (40, None)
    assert (info.width, info.height, info.rate) == (80, 48, 25)
    assert {frame.image.shape for frame in frames} == {(48, 80, 3)}
    assert all(frame.image.dtype == np.uint8 and frame.image.flags.c_contiguous for frame in frames)


def test_the_channels_are_red_green_blue(write_video):
    for pixels in ("yuv420p", "yuv444p"):
        _, (first, *_) = read(write_video(f"{pixels}.mp4", 2, options={"crf": "1"}, pixels=pixels))
        assert np.abs(first.image[10, 40] - np.array(BLUE)).max() < 8
        assert np.abs(first.image[45, 40] - np.array(GREEN)).max() < 8


@pytest.mark.parametrize("start", [1, 13, 39, 40, 99])
def test_reading_from_a_frame_on_gives_exactly_the_rest(write_video, number_in, start):
    path = write_video("film.mp4", 40)
    with VideoReader(path) as video:
        everything = list(video.frames())
        rest = list(video.frames(start))  # the second reading begins anew
    assert [frame.number for frame in rest] == list(range(start, 40))
    for frame, same in zip(rest, everything[start:], strict=True):
        assert (frame.pts, frame.time) == (same.pts, same.time)
        assert np.array_equal(frame.image, same.image)


def test_a_negative_start_is_refused_at_once(write_video):
    with (
        VideoReader(write_video(frames=1)) as video,
        pytest.raises(ValueError, match="start: expected the number of a frame, from 0, not -1"),
    ):
        video.frames(-1)


def test_the_times_of_a_variable_rate_are_exact(write_video, number_in):
    times = [0, 1, 7, 8, 100, 5000, 5001]
    path = write_video("film.mp4", 7, times=times, time_base=Fraction(1, 1000))
    info, frames = read(path)
    unit = info.time_base * 1000
    assert [(frame.pts - info.start_pts) * unit for frame in frames] == times
    assert [frame.time for frame in frames] == [time / 1000 for time in times]
    assert [number_in(frame.image) for frame in frames] == list(range(7))


def test_a_video_of_one_frame_of_odd_size(write_video):
    path = write_video("film.mp4", 1, size=(33, 21), pixels="yuv444p")
    info, (frame,) = read(path)
    assert frame.image.shape == (21, 33, 3)
    assert (info.width, info.height, info.frame_count) == (33, 21, 1)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_frames_are_upright(write_video, rotation, mirrored):
    """A player turns the frame clockwise and then mirrors it; here both are undone."""
    path = write_video("film.mp4", 2, rotation=rotation, mirrored=mirrored)
    info, frames = read(path)
    upright = (48, 80, 3) if rotation in (0, 180) else (80, 48, 3)
    assert (info.height, info.width, 3) == upright
    for frame in frames:
        assert frame.image.shape == upright
        assert frame.image.flags.c_contiguous
    image = frames[1].image[:, ::-1] if mirrored else frames[1].image
    stored = np.rot90(image, rotation // 90)  # counterclockwise
    assert np.abs(stored[-6:].mean((0, 1)) - GREEN).max() < 30
    assert (stored[10, [3, -4], 0] > 110).tolist() == [True, False]  # the bars of the number 1
    if not mirrored:
        assert info.rotation == rotation


def test_sound_is_noticed(write_video):
    assert read(write_video("with.mp4", 5, audio="aac"))[0].has_audio
    assert not read(write_video("without.mp4", 5))[0].has_audio


def test_pixels_that_are_not_square_are_stated(write_video):
    wide = write_video("film.mp4", 2, options={"aspect": "2:1"})
    assert read(wide)[0].pixel_aspect == 2
    turned = write_video("turned.mp4", 2, options={"aspect": "2:1"}, rotation=90)
    assert read(turned)[0].pixel_aspect == Fraction(1, 2)


@pytest.mark.parametrize(
    "name", ["concat:a|b.mp4", "a%03d.mp4", "c,,:d?e#f.mp4", "ü x\n.mp4", os.fsdecode(b"\xff.mp4")]
)
def test_any_name_of_a_file_is_its_name_and_no_pattern(write_video, monkeypatch, tmp_path, name):
    write_video("film.mp4", 3).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    info, frames = read(name)
    with VideoWriter(f"part of {name}", info) as part:
        for frame in frames:
            part.write(frame.image, frame.pts)
    assert frames_in_part(f"part of {name}") == 3
    assert join_parts([f"part of {name}"], f"all of {name}", audio_from=name) == 3


def test_a_missing_pyav_is_explained_in_one_line(write_video, monkeypatch):
    path = write_video("film.mp4", 3)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r'^videos need PyAV \(.*\): pip install "av>=18,<19"$'):
        VideoReader(path)


def test_larger_videos_than_the_limit_are_refused_before_decoding(write_video, monkeypatch):
    path = write_video("film.mp4", 3)
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "3839")
    with pytest.raises(BrokenVideoError, match=r"film\.mp4: the image has 80 x 48 pixels"):
        VideoReader(path)
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "3840")
    assert len(read(path)[1]) == 3


def test_a_video_is_read_from_an_address(write_video, number_in, tmp_path):
    write_video("film.mp4", 30)
    handler = partial(SilentHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        _, frames = read(f"{address}/film.mp4")
        assert [number_in(frame.image) for frame in frames] == list(range(30))
        with pytest.raises(BrokenVideoError, match=rf"{address}/none\.mp4: .*404"):
            VideoReader(f"{address}/none.mp4")
        server.shutdown()


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass
