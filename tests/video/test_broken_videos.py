"""Videos that are cut off, damaged or none: what can be read comes, and the rest is named."""

import random
import re

import av
import numpy as np
import pytest
from PIL import Image

from keras_ssd.video import BrokenVideoError, VideoReader


def read(path):
    """(frames, message of the error or None)"""
    frames = []
    with VideoReader(path) as video:
        try:
            for frame in video.frames():
                frames.append(frame)
        except BrokenVideoError as error:
            return frames, str(error)
    return frames, None


@pytest.mark.parametrize(
    "content", [b"", b"text\n" * 500, b"ffconcat version 1.0\nfile film.mp4\n", bytes(5000)]
)
@pytest.mark.parametrize("name", ["no.mp4", "no.txt", "no.gif"])
def test_what_is_not_a_video_is_named_at_opening(write_video, tmp_path, content, name):
    write_video("film.mp4", 3)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BrokenVideoError, match=rf"{name}: not a video that FFmpeg can read"):
        VideoReader(tmp_path / name)


def test_a_picture_and_a_song_are_not_videos(write_video, tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "photo.jpg")
    with pytest.raises(BrokenVideoError, match=r"photo\.jpg: not a video"):
        VideoReader(tmp_path / "photo.jpg")
    with av.open(str(tmp_path / "song.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.int16), "s16", "mono")
        sound.sample_rate = 48000
        container.mux([*stream.encode(sound), *stream.encode()])
    with pytest.raises(BrokenVideoError, match=r"song\.mp4: it has no video that can be read"):
        VideoReader(tmp_path / "song.mp4")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(BrokenVideoError, match=r"none\.mp4: No such file"):
        VideoReader(tmp_path / "none.mp4")
    with pytest.raises(BrokenVideoError, match=f"^{re.escape(str(tmp_path))}: "):
        VideoReader(tmp_path)


def test_an_mp4_without_its_index_is_named(write_video):
    path = write_video("film.mp4", 40)  # the index is at the end
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(BrokenVideoError, match=r"film\.mp4: .*video that .*can .*read"):
        VideoReader(path)


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.avi"])
def test_all_frames_of_a_video_that_is_cut_off_come_before_the_error(write_video, number_in, name):
    options = {"bf": "0"}
    path = write_video(name, 100, options=options)
    if name == "film.mp4":
        path = put_index_first(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    frames, message = read(path)
    count = len(frames)
    assert 30 < count < 90
    shown = [number_in(frame.image) for frame in frames]
    assert shown[:-1] == list(range(count - 1))  # the last may be half
    found = re.fullmatch(
        rf".*{name}: the video is broken at frame (\d+): (\d+)( of 100)? frames can be read.*",
        message,
    )
    assert found, message
    assert int(found[1]) in (count - 1, count)
    assert int(found[2]) == count
    assert bool(found[3]) == (name != "film.mkv")
    if name != "film.mp4":
        assert message.endswith(", the file is cut off")


def put_index_first(path):
    """The same MP4 with the index before the frames, as videos for the web have it."""
    target = path.with_name(f"first-{path.name}")
    with (
        av.open(str(path)) as source,
        av.open(str(target), "w", options={"movflags": "faststart"}) as output,
    ):
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    return target.rename(path)


def test_no_frame_of_a_damaged_mp4_is_lost_or_doubled_without_a_word(write_video):
    path = write_video("film.mp4", 60)
    data = path.read_bytes()
    whole = [frame.pts for frame in read(path)[0]]
    assert len(whole) == 60
    begin, end = data.index(b"mdat") + 4, data.index(b"moov")
    chance, messages = random.Random(0), 0
    for _ in range(40):
        damaged = bytearray(data)
        place, length = chance.randrange(begin + 700, end - 200), chance.choice([1, 20, 200])
        damaged[place : place + length] = chance.randbytes(length)
        path.write_bytes(damaged)
        frames, message = read(path)
        times = [frame.pts for frame in frames]
        assert set(times) <= set(whole)
        assert times == sorted(set(times))
        if len(frames) < 60:
            assert f"{len(frames)} of 60 frames can be read" in message
            lost = next(n for n, pts in enumerate(whole) if pts not in times)
            at = int(re.search(r"broken at frame (\d+)", message)[1])
            assert lost - 16 <= at <= lost
        messages += message is not None
    assert messages > 20


@pytest.mark.parametrize("name", ["film.mkv", "film.webm", "film.gif", "film.mp4"])
def test_the_frame_at_which_a_video_broke_is_never_behind_the_damage(write_video, number_in, name):
    codec = {"film.webm": "libvpx-vp9", "film.gif": "gif"}.get(name, "libx264")
    path = write_video(name, 100, codec=codec, pixels="rgb8" if codec == "gif" else "yuv420p")
    data = path.read_bytes()
    whole = [frame.pts for frame in read(path)[0]]
    assert len(whole) == 100
    begin = data.index(b"mdat") if name == "film.mp4" else len(data) // 4
    end = data.index(b"moov") if name == "film.mp4" else len(data) - 300
    chance = random.Random(1)
    for _ in range(12):
        damaged, place = bytearray(data), chance.randrange(begin + 1000, end - 200)
        damaged[place : place + 200] = chance.randbytes(200)
        path.write_bytes(damaged)
        frames, message = read(path)
        right = [frame.number for frame in frames if number_in(frame.image) == frame.number]
        if len(frames) == 100 and message is None:
            continue  # the damage is one that cannot be told from a picture
        assert f": {len(frames)} " in message
        first_wrong = min(set(range(101)) - set(right))
        at = int(re.search(r"broken at frame (\d+)", message)[1])
        assert at <= first_wrong
        assert [frame.pts for frame in frames[:at]] == whole[:at]


def test_packets_that_a_transport_stream_lost_are_noticed(write_video):
    path = write_video("film.ts", 100)
    data = path.read_bytes()
    middle = len(data) // 188 // 2 * 188
    path.write_bytes(data[:middle] + data[middle + 5 * 188 :])
    frames, message = read(path)
    assert 40 < int(re.search(r"broken at frame (\d+)", message)[1]) < 60
    assert 90 < len(frames) <= 100


def test_recordings_in_a_row_keep_their_frames_and_their_times_grow(
    write_video, number_in, tmp_path
):
    parts = [write_video(f"{n}.ts", 20, size=size) for n, size in enumerate([(80, 48), (160, 96)])]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames, _ = read(path)
    assert [number_in(frame.image) for frame in frames] == [*range(20), *range(20)]
    assert {frame.image.shape for frame in frames} == {(48, 80, 3)}  # as it began
    assert [frame.time for frame in frames] == pytest.approx([n / 25 for n in range(40)])


def test_frames_that_become_larger_than_the_limit_are_not_decoded(
    write_video, tmp_path, monkeypatch
):
    parts = [write_video("0.ts", 20), write_video("1.ts", 3, size=(1600, 800))]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert len(read(path)[0]) == 23
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "100000")
    frames, message = read(path)
    assert len(frames) <= 20
    assert "both.ts: the video is broken at frame" in message


def test_nothing_is_printed_about_damage(write_video, capfd, caplog):
    path = write_video("film.mkv", 60)
    data = bytearray(path.read_bytes())
    for place in range(1500, len(data) - 100, 300):
        data[place : place + 40] = random.Random(place).randbytes(40)
    path.write_bytes(data)
    capfd.readouterr()
    assert read(path)[1] is not None
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert av.logging.get_level() is None


def test_reading_of_a_damaged_video_may_stop_early(write_video):
    path = write_video("film.mp4", 60, size=(320, 240))
    data = bytearray(path.read_bytes())
    for place in range(3000, data.index(b"moov") - 100, 500):
        data[place : place + 20] = random.Random(place).randbytes(20)
    path.write_bytes(data)
    for count in range(20):
        with VideoReader(path) as video:
            for _, _ in zip(range(count), video.frames(), strict=False):
                pass
