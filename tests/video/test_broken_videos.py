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
