"""Parts joined into one film: every frame once, exact times, and the sound of the source."""

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from keras_ssd.video import VideoInfo, VideoReader, VideoWriter, frames_in_part, join_parts

INFO = VideoInfo(80, 48, Fraction(25), Fraction(1, 25))


def read(path):
    with VideoReader(path) as video:
        return video.info, list(video.frames())


def copy(source, part, numbers, *, start_pts=None):
    """Writes the frames with these numbers of a video as a part."""
    with VideoReader(source) as video:
        start_pts = video.info.start_pts if start_pts is None else start_pts
        with VideoWriter(part, video.info, start_pts=start_pts) as writer:
            for frame in video.frames():
                if frame.number in numbers:
                    writer.write(frame.image, frame.pts)
    return part


def sound_of(path):
    """(seconds, content) of each packet of the sound."""
    with av.open(str(path)) as container:
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(audio=0)
            if packet.size
        ]


def samples_of(path):
    """(time of the first sample in seconds, all samples) of the sound."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", 48000)
        frames = [r for frame in container.decode(audio=0) for r in resampler.resample(frame)]
    return float(frames[0].pts * frames[0].time_base), np.hstack([f.to_ndarray() for f in frames])[
        0
    ]


@pytest.fixture
def part(tmp_path, picture):
    def write(name, numbers, info=INFO):
        with VideoWriter(tmp_path / name, info, start_pts=0) as writer:
            for number in numbers:
                writer.write(picture(number, info.width, info.height), number)
        return tmp_path / name

    return write


def test_parts_become_one_film_with_every_frame_once(part, tmp_path, number_in):
    parts = [part("1.mp4", range(40)), part("2.mp4", range(40, 41)), part("3.mp4", range(41, 99))]
    output = tmp_path / "film.mp4"
    assert join_parts(parts, output) == 99
    info, frames = read(output)
    assert [number_in(frame.image) for frame in frames] == list(range(99))
    assert [frame.pts * info.time_base for frame in frames] == [
        n * INFO.time_base for n in range(99)
    ]
    assert (info.frame_count, info.rate, info.has_audio) == (99, 25, False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "1.mp4",
        "2.mp4",
        "3.mp4",
        "film.mp4",
    ]


def test_nothing_is_encoded_again_and_the_index_comes_first(part, tmp_path):
    join_parts([part("1.mp4", range(30))], tmp_path / "film.mp4")
    contents = []
    for name in ("1.mp4", "film.mp4"):
        with av.open(str(tmp_path / name)) as container:
            contents.append([bytes(packet) for packet in container.demux(video=0)])
    assert contents[0] == contents[1]
    data = (tmp_path / "film.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_a_part_cut_by_a_kill_and_the_next_make_exactly_all_frames(part, tmp_path, number_in):
    first = part("1.mp4", range(60))
    data = first.read_bytes()
    for length in range(900, len(data), 457):
        first.write_bytes(data[:length])
        count = frames_in_part(first)
        rest = part("2.mp4", range(count, 80))
        assert join_parts([first, rest], tmp_path / "film.mp4") == 80
        info, frames = read(tmp_path / "film.mp4")
        assert [number_in(frame.image) for frame in frames] == list(range(80))
        assert [frame.pts * info.time_base * 25 for frame in frames] == list(range(80))


def test_where_parts_overlap_the_later_one_counts(part, tmp_path, number_in):
    parts = [part("1.mp4", range(50)), part("2.mp4", range(30, 70)), part("3.mp4", range(60, 65))]
    assert join_parts(parts, tmp_path / "film.mp4") == 65
    _, frames = read(tmp_path / "film.mp4")
    assert [number_in(frame.image) for frame in frames] == list(range(65))


def test_a_variable_rate_stays_exact(write_video, tmp_path):
    times = [0, 1, 7, 8, 100, 2000, 2001, 2500, 2507, 4000]
    source = write_video("source.mkv", 10, times=times, time_base=Fraction(1, 1000))
    parts = [copy(source, tmp_path / f"{n}.mp4", range(n, n + 5)) for n in (0, 5)]
    join_parts(parts, tmp_path / "film.mp4", audio_from=source)
    info, frames = read(tmp_path / "film.mp4")
    assert [frame.pts * info.time_base * 1000 for frame in frames] == times


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("source.mp4", "aac"),
        ("source.mkv", "aac"),
        ("source.ts", "aac"),
        ("source.mp4", "libmp3lame"),
        ("source.mkv", "libopus"),
        ("source.mkv", "ac3"),
        ("source.mkv", "flac"),
    ],
)
def test_sound_is_copied_and_stays_beside_its_frames(write_video, tmp_path, name, codec):
    source = write_video(name, 50, audio=codec)
    join_parts(
        [copy(source, tmp_path / "1.mp4", range(50))], tmp_path / "film.mp4", audio_from=source
    )
    with VideoReader(source) as video:
        start = video.info.start_pts * video.info.time_base
    before, after = sound_of(source), sound_of(tmp_path / "film.mp4")
    if name != "source.ts":  # which has each packet with a header before it
        assert [content for _, content in after] == [content for _, content in before]
    assert len(after) == len(before)
    moved = [float(a - (b - start)) for (a, _), (b, _) in zip(after, before, strict=True)]
    assert np.abs(moved).max() < 0.002
    assert read(tmp_path / "film.mp4")[0].frame_count == 50


@pytest.mark.parametrize(
    ("name", "codec"),
    [("source.avi", "pcm_s16le"), ("source.ts", "mp2"), ("source.mov", "pcm_s16le")],
)
def test_sound_that_mp4_does_not_take_becomes_aac(write_video, tmp_path, name, codec):
    source = write_video(name, 50, audio=codec)
    join_parts(
        [copy(source, tmp_path / "1.mp4", range(50))], tmp_path / "film.mp4", audio_from=source
    )
    with av.open(str(tmp_path / "film.mp4")) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    (begin, before), (start, after) = samples_of(source), samples_of(tmp_path / "film.mp4")
    video = read(source)[0]
    assert abs(start - (begin - float(video.start_pts * video.time_base))) < 0.03
    assert abs(len(after) - len(before)) < 3000  # 62 ms
    middle = slice(20000, 60000)
    spectrum = np.abs(np.fft.rfft(after[middle]))
    assert spectrum.argmax() * 48000 / 40000 == pytest.approx(440, abs=2)


def test_sound_that_begins_before_or_after_the_first_frame_keeps_its_distance(
    write_video, tmp_path
):
    for first in (3, 40):
        source = write_video("source.mkv", 50, times=range(first, first + 50), audio="libopus")
        parts = [copy(source, tmp_path / "1.mp4", range(50))]
        join_parts(parts, tmp_path / "film.mp4", audio_from=source)
        distances = []
        for path in (source, tmp_path / "film.mp4"):
            video = read(path)[0]
            distances.append(float(sound_of(path)[0][0] - video.start_pts * video.time_base))
        assert distances[0] == pytest.approx(distances[1], abs=0.002)


@pytest.mark.parametrize("first", [0, 20])
def test_a_joined_film_may_be_the_first_part_of_a_longer_one(
    write_video, tmp_path, number_in, first
):
    # Where the sound begins before the frames, the frames of a joined film are delayed.
    source = write_video("source.mkv", 60, times=range(first, first + 60), audio="libopus")
    join_parts(
        [copy(source, tmp_path / "1.mp4", range(60))], tmp_path / "all.mp4", audio_from=source
    )
    early = copy(source, tmp_path / "1.mp4", range(25))
    join_parts([early], tmp_path / "film.mp4", audio_from=source, up_to=25)
    assert frames_in_part(tmp_path / "film.mp4") == 25
    parts = [tmp_path / "film.mp4", copy(source, tmp_path / "2.mp4", range(25, 60))]
    assert join_parts(parts, tmp_path / "film.mp4", audio_from=source) == 60
    (info, frames), (same, all_frames) = read(tmp_path / "film.mp4"), read(tmp_path / "all.mp4")
    assert [number_in(frame.image) for frame in frames] == list(range(60))
    assert [frame.pts for frame in frames] == [frame.pts for frame in all_frames]
    assert info == same
    assert sound_of(tmp_path / "film.mp4") == sound_of(tmp_path / "all.mp4")


def test_a_film_that_ends_early_has_as_much_sound(write_video, tmp_path, number_in):
    source = write_video("source.mp4", 100, audio="aac")
    parts = [copy(source, tmp_path / f"{n}.mp4", range(n, n + 40)) for n in (0, 40)]
    assert join_parts(parts, tmp_path / "film.mp4", audio_from=source, up_to=50) == 50
    _, frames = read(tmp_path / "film.mp4")
    assert [number_in(frame.image) for frame in frames] == list(range(50))
    assert 1.9 < float(sound_of(tmp_path / "film.mp4")[-1][0]) < 2
    assert join_parts(parts, tmp_path / "film.mp4", audio_from=source) == 80
    assert float(sound_of(tmp_path / "film.mp4")[-1][0]) > 3.9


def test_a_source_that_is_cut_off_gives_the_sound_that_it_has(write_video, tmp_path):
    source = write_video("source.mkv", 100, audio="libopus")
    part = copy(source, tmp_path / "1.mp4", range(100))
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 2 // 3])
    assert join_parts([part], tmp_path / "film.mp4", audio_from=source) == 100
    before, after = sound_of(source), sound_of(tmp_path / "film.mp4")
    assert [content for _, content in after] == [content for _, content in before]
    assert 20 < len(after) < 180


def test_parts_that_do_not_belong_together_are_named(part, tmp_path):
    one, other = part("1.mp4", range(3)), part("2.mp4", range(3, 6), replace(INFO, width=64))
    with pytest.raises(ValueError, match=r"2\.mp4: this part has another size or encoder"):
        join_parts([one, other], tmp_path / "film.mp4")
    assert not (tmp_path / "film.mp4").exists()


def test_parts_without_a_frame_are_an_error_only_if_all_are(part, tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty\.mp4: no part holds a whole frame"):
        join_parts([tmp_path / "empty.mp4"], tmp_path / "film.mp4")
    assert join_parts([tmp_path / "empty.mp4", part("1.mp4", range(3))], tmp_path / "film.mp4") == 3


def test_a_full_disk_leaves_the_parts_and_names_the_film(part, tmp_path, monkeypatch):
    import resource
    import signal

    one = part("1.mp4", range(60))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(OSError, match=r"film\.mp4") as error:
            join_parts([one], tmp_path / "film.mp4")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert error.value.filename == str(tmp_path / "film.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["1.mp4"]
