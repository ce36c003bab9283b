"""Parts of videos: exact times, H.264 that plays everywhere, and what a dead process leaves."""

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from keras_ssd.video import VideoInfo, VideoReader, VideoWriter, frames_in_part

INFO = VideoInfo(80, 48, Fraction(25), Fraction(1, 25))


def read(path):
    with VideoReader(path) as video:
        return video.info, list(video.frames())


@pytest.fixture
def write_part(tmp_path, picture):
    def write(name, times, info=INFO, *, first=0, **options):
        with VideoWriter(tmp_path / name, info, **options) as part:
            for number, pts in enumerate(times, first):
                part.write(picture(number, info.width, info.height), pts)
        return tmp_path / name

    return write


def test_a_part_holds_every_frame_with_its_time(write_part, number_in):
    path = write_part("part.mp4", range(90))
    info, frames = read(path)
    assert [number_in(frame.image) for frame in frames] == list(range(90))
    assert [frame.time for frame in frames] == [number / 25 for number in range(90)]
    assert (info.rate, info.width, info.height) == (25, 80, 48)
    assert frames_in_part(path) == 90


@pytest.mark.parametrize(
    ("time_base", "times"),
    [
        (Fraction(1, 1000), [0, 1, 7, 8, 100, 5000, 5001, 90000, 90007]),  # a variable rate
        (Fraction(1, 90000), [3003 * number for number in range(70)]),
        (Fraction(1001, 30000), list(range(70))),
        (Fraction(1, 1_000_000), [33_367 * number // 1 for number in range(70)]),
        (Fraction(1, 12), [0, 1, 60, 61]),
    ],
)
def test_times_are_exact_in_any_unit(write_part, number_in, time_base, times):
    info = replace(INFO, time_base=time_base, rate=None)
    written, frames = read(write_part("part.mp4", times, info))
    exact = [(frame.pts - written.start_pts) * written.time_base for frame in frames]
    assert exact == [pts * time_base for pts in times]
    assert [number_in(frame.image) for frame in frames] == list(range(len(times)))


def test_the_first_time_becomes_0_unless_another_is_given(write_part):
    for name, options, start in (("a.mp4", {}, 0), ("b.mp4", {"start_pts": 1000}, 500)):
        path = write_part(name, range(1500, 1510), **options)
        info, _ = read(path)
        assert info.start_pts * info.time_base == Fraction(start, 25)


def test_it_is_h264_that_browsers_and_phones_play(write_part):
    with av.open(str(write_part("part.mp4", range(30)))) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt, codec.profile) == ("h264", "yuv420p", "High")
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert all(packet.pts == packet.dts for packet in packets)


def test_a_key_frame_comes_at_least_every_two_seconds(write_part):
    for rate, count in ((Fraction(10), 50), (Fraction(1, 3), 5), (Fraction(1000), 600)):
        path = write_part("part.mp4", range(count), replace(INFO, rate=rate, time_base=1 / rate))
        with av.open(str(path)) as container:
            keys = [packet.is_keyframe for packet in container.demux(video=0) if packet.size]
        longest = min(250, max(1, 2 * rate))
        between = np.diff([n for n, key in enumerate(keys) if key] + [count])
        assert keys[0]
        assert between.max() <= longest


@pytest.mark.parametrize("color", [(220, 30, 20), (10, 20, 240), (0, 160, 0), (255, 255, 255)])
@pytest.mark.parametrize("size", [(64, 32), (1280, 720)])
def test_colors_come_back(tmp_path, color, size):
    width, height = size
    with VideoWriter(tmp_path / "part.mp4", replace(INFO, width=width, height=height)) as part:
        part.write(np.full((height, width, 3), color, np.uint8), 0)
    _, (frame,) = read(tmp_path / "part.mp4")
    assert np.abs(frame.image.mean((0, 1)) - color).max() < 5


@pytest.mark.parametrize(
    ("size", "even"), [((33, 21), (34, 22)), ((1, 1), (2, 2)), ((64, 5), (64, 6))]
)
def test_an_odd_side_grows_by_one_pixel(tmp_path, size, even):
    width, height = size
    image = np.full((height, width, 3), 200, np.uint8)
    with VideoWriter(tmp_path / "part.mp4", replace(INFO, width=width, height=height)) as part:
        part.write(image, 0)
    info, (frame,) = read(tmp_path / "part.mp4")
    assert (info.width, info.height) == even
    assert np.abs(frame.image.astype(int) - 200).max() < 8


def test_pixels_keep_their_shape(write_part):
    info = replace(INFO, pixel_aspect=Fraction(4, 3))
    assert read(write_part("part.mp4", range(3), info))[0].pixel_aspect == Fraction(4, 3)


def test_images_and_times_that_do_not_fit_are_refused(tmp_path, picture):
    path, image = tmp_path / "part.mp4", picture(0, 80, 48)
    with VideoWriter(path, INFO) as part:
        part.write(image, 5)
        for wrong in (image[:-1], image.astype(float), image[..., 0]):
            with pytest.raises(ValueError, match=r"part\.mp4: expected an image uint8 \(48, 80, 3"):
                part.write(wrong, 6)
        for pts in (5, 4):
            with pytest.raises(ValueError, match=rf"part\.mp4: the time of the frame, {pts}, is"):
                part.write(image, pts)
        part.write(image, 6)
    assert frames_in_part(path) == 2
    with pytest.raises(ValueError, match="is closed"):
        part.write(image, 7)
    part.close()  # a second time


def test_views_of_arrays_are_written_as_they_look(tmp_path, picture, number_in):
    image = picture(21, 80, 48)
    with VideoWriter(tmp_path / "part.mp4", INFO) as part:
        part.write(np.ascontiguousarray(image[:, ::-1])[:, ::-1], 0)
    _, (frame,) = read(tmp_path / "part.mp4")
    assert number_in(frame.image) == 21


def test_a_part_without_frames_has_none(tmp_path):
    VideoWriter(tmp_path / "part.mp4", INFO).close()
    assert frames_in_part(tmp_path / "part.mp4") == 0
    assert frames_in_part(tmp_path / "none.mp4") == 0


def test_a_part_that_is_cut_at_any_byte_has_the_frames_before(write_part, number_in):
    path = write_part("part.mp4", range(60))
    data = path.read_bytes()
    with av.open(str(path)) as container:
        ends = [packet.pos + packet.size for packet in container.demux(video=0) if packet.size]
    seen = set()
    for length in [*range(0, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        count = frames_in_part(path)
        assert count == sum(end <= length for end in ends)
        if count and count not in seen:
            frames = _frames_before_the_end(path)
            assert [number_in(frame.image) for frame in frames[:count]] == list(range(count))
        seen.add(count)
    assert {0, 25, 50, 60} <= seen


def _frames_before_the_end(path):
    frames = []
    with VideoReader(path) as video:
        try:
            for frame in video.frames():
                frames.append(frame)
        except ValueError:
            pass
    return frames


WRITE_FOR_EVER = """
import sys
from fractions import Fraction
import numpy as np
from keras_ssd.video import VideoInfo, VideoReader, VideoWriter

def tell_memory(number):
    if number % 1000 == 999 and "rss" in sys.argv:
        print(int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20, flush=True)

images = np.random.default_rng(0).integers(0, 256, (7, 48, 80, 3), np.uint8)
part = VideoWriter(sys.argv[1], VideoInfo(80, 48, Fraction(25), Fraction(1, 25)))
print("ready", flush=True)
for number in range(int(sys.argv[2])):
    part.write(images[number % 7], number)
    tell_memory(number)
part.close()
for frame in VideoReader(sys.argv[1]).frames():
    tell_memory(frame.number)
"""


def run_writer(*arguments, **options):
    command = [sys.executable, "-c", WRITE_FOR_EVER, *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def test_a_killed_process_leaves_its_whole_fragments(tmp_path):
    for number, seconds in enumerate((0.05, 0.31, 0.57)):
        path = tmp_path / f"part{number}.mp4"
        process = run_writer(path, 10**9)
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
        process.communicate()
        count = frames_in_part(path)
        assert len(_frames_before_the_end(path)) in (count, count + 1) if count else True
    assert count > 25


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_what_plays(tmp_path):
    path = tmp_path / "part.mp4"

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    process = run_writer(path, 10**6, preexec_fn=limit)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[-1].startswith("OSError: [Errno 27] File too large: ")
    assert str(path) in errors.splitlines()[-1]
    assert frames_in_part(path) > 25
    assert len(read(path)[1]) == frames_in_part(path)  # without an error at the end


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's /proc")
def test_memory_does_not_grow_with_the_length(tmp_path):
    process = run_writer(tmp_path / "part.mp4", 5000, "rss")
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    megabytes = [int(line) for line in output.splitlines()[1:]]
    written, read = megabytes[:5], megabytes[5:]
    assert len(read) == 5
    assert written[-1] - written[1] < 5
    assert read[-1] - read[1] < 5
    assert frames_in_part(tmp_path / "part.mp4") == 5000


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match=r"file/part\.mp4"):
        VideoWriter(tmp_path / "file" / "part.mp4", INFO)
