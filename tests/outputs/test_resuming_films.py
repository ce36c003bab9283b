"""Runs on videos that end early, and go on."""

import json
import shutil

import numpy as np
import pytest

from keras_ssd.outputs import films, writing
from keras_ssd.outputs.detecting import detect_to_folder

LABELS = range(10, 210, 4)  # 50 frames, which are five seconds and as many fragments


def run(detector, sources, output, **options):
    chosen = {"save": ["json", "jsonl", "csv"], "confidence_threshold": 0.5} | options
    return detect_to_folder(detector, sources, output, **chosen)


def texts(folder):
    """The text files in the folder; the journal and the result files."""
    suffixes = (".json", ".jsonl", ".csv")
    return {path.name: path.read_text() for path in folder.iterdir() if path.suffix in suffixes}


def stop_after(count):
    """Returns a function for `on_image` that ends the run after so many images."""
    seen = []

    def stop(found, picture):
        seen.append(found.frame)
        if len(seen) == count:
            raise KeyboardInterrupt

    return stop


def interrupt(detector, sources, output, count, **options):
    with pytest.raises(KeyboardInterrupt):
        run(detector, sources, output, on_image=stop_after(count), **options)


@pytest.fixture
def film(tmp_path, new_film):
    return new_film(tmp_path / "in" / "film.mp4", LABELS)


@pytest.fixture
def whole(detector, film, tmp_path):
    """The folder of a run that was not interrupted."""
    run(detector, film, tmp_path / "whole")
    return tmp_path / "whole"


@pytest.mark.parametrize("count", [1, 2, 23, 49, 50])
def test_a_film_that_goes_on_equals_one_that_was_not_interrupted(
    detector, tmp_path, film, whole, frames_of, count
):
    output = tmp_path / "out"
    interrupt(detector, film, output, count)
    assert len((output / "detections.jsonl").read_text().splitlines()) == count
    assert len(frames_of(output / "film.mp4")) == count  # it can be played
    detector.batches.clear()
    assert run(detector, film, output, resume=True) == []
    assert texts(output) == texts(whole)
    assert sum(map(len, detector.batches)) == 50 - count
    assert_same_frames(frames_of(output / "film.mp4"), frames_of(whole / "film.mp4"))
    assert not list(output.glob(".*"))


def assert_same_frames(found, expected):
    assert [time for time, _ in found] == pytest.approx([time for time, _ in expected])
    np.testing.assert_allclose([c for _, c in found], [c for _, c in expected], atol=4)


@pytest.mark.parametrize("every", [1, 7])
@pytest.mark.parametrize("counts", [(3, 5), (1, 1, 1), (6,)])
def test_a_run_may_end_early_more_than_once(detector, tmp_path, film, frames_of, every, counts):
    run(detector, film, tmp_path / "whole", every=every)
    output = tmp_path / "out"
    for place, count in enumerate(counts):
        interrupt(detector, film, output, count, every=every, resume=place > 0)
    run(detector, film, output, every=every, resume=True)
    assert texts(output) == texts(tmp_path / "whole")
    assert_same_frames(frames_of(output / "film.mp4"), frames_of(tmp_path / "whole" / "film.mp4"))


@pytest.mark.parametrize(
    ("kept", "lines"), [(0, 12), (700, 30), (2500, 41), (3000, 41), (9999, 30)]
)
def test_a_killed_run_leaves_a_part_that_is_cut_off_and_goes_on(
    detector, tmp_path, film, whole, frames_of, kept, lines, monkeypatch
):
    output, left = tmp_path / "out", []
    finish = films.Film.finish

    def keep_part(self, **options):  # what a kill leaves
        left.append((self.path.with_name(".film.part1.mp4")).read_bytes())
        return finish(self, **options)

    with monkeypatch.context() as patch:
        patch.setattr(films.Film, "finish", keep_part)
        interrupt(detector, film, output, 42)
    journal = (output / "journal.jsonl").read_bytes().splitlines(keepends=True)
    shutil.rmtree(output)
    output.mkdir()
    (output / ".film.part1.mp4").write_bytes(left[0][:kept])
    (output / "journal.jsonl").write_bytes(b"".join(journal[: lines + 1])[:-7])
    assert run(detector, film, output, resume=True) == []
    assert texts(output) == texts(whole)
    assert_same_frames(frames_of(output / "film.mp4"), frames_of(whole / "film.mp4"))
    assert not list(output.glob(".*"))


def test_a_kill_while_the_parts_are_joined_loses_nothing(
    detector, tmp_path, film, whole, frames_of, monkeypatch
):
    output = tmp_path / "out"
    interrupt(detector, film, output, 20)

    def killed(*arguments, **options):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(films, "join_parts", killed)
        with pytest.raises(SystemExit):
            run(detector, film, output, resume=True)
    assert {path.name for path in output.glob("*.mp4")} | {
        path.name for path in output.glob(".*")
    } == {".film.part1.mp4", ".film.part2.mp4"}
    run(detector, film, output, resume=True)
    assert texts(output) == texts(whole)
    assert len(frames_of(output / "film.mp4")) == 50


def test_images_around_a_film_go_on_too(detector, tmp_path, film, save, frames_of):
    photos = [
        save(tmp_path / f"{label}.png", np.full((20, 30, 3), label, np.uint8)) for label in (7, 8)
    ]
    sources = [photos[0], film, film, photos[1]]
    run(detector, sources, tmp_path / "whole")
    for count in (1, 30, 51, 60, 101, 102):
        output = tmp_path / str(count)
        interrupt(detector, sources, output, count)
        run(detector, sources, output, resume=True)
        assert texts(output) == texts(tmp_path / "whole")
        for name in ("film.mp4", "film-2.mp4"):
            assert len(frames_of(output / name)) == 50


def test_without_films_a_video_goes_on_after_its_last_frame(detector, tmp_path, film):
    options = {"pictures": None, "every": 3}
    run(detector, film, tmp_path / "whole", **options)
    interrupt(detector, film, tmp_path / "out", 5, **options)
    detector.batches.clear()
    run(detector, film, tmp_path / "out", resume=True, **options)
    assert texts(tmp_path / "out") == texts(tmp_path / "whole")
    assert sum(map(len, detector.batches)) == 17 - 5


@pytest.fixture
def limited_files():
    """Limits the size of files, which is what a full disk looks like to this process."""
    resource = pytest.importorskip("resource", reason="limits of file sizes need Unix")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def noisy_film(tmp_path, new_film):
    """A film that does not become small."""
    from fractions import Fraction

    from keras_ssd.video import VideoInfo, VideoWriter

    noise = np.random.default_rng(0).integers(0, 256, (50, 48, 64, 3), np.uint8)
    path = tmp_path / "film.mp4"
    with VideoWriter(path, VideoInfo(64, 48, Fraction(10), Fraction(1, 10))) as video:
        for number, image in enumerate(noise):
            video.write(image, number)
    return path


def test_a_full_disk_leaves_a_film_that_plays_and_result_files(
    detector, tmp_path, noisy_film, frames_of, limited_files
):
    run(detector, noisy_film, tmp_path / "whole")
    output, size = tmp_path / "out", (tmp_path / "whole" / "film.mp4").stat().st_size
    limited_files(size // 2)
    with pytest.raises(OSError, match=r"film\.mp4"):
        run(detector, noisy_film, output)
    limited_files(10**9)
    (film,) = output.glob("film*.mp4")
    assert 10 <= len(frames_of(film)) < 50
    found = json.loads((output / "detections.json").read_text())
    assert len(frames_of(film)) <= len(found) < 50
    run(detector, noisy_film, output, resume=True)
    assert texts(output) == texts(tmp_path / "whole")
    assert len(frames_of(output / "film.mp4")) == 50
    assert [path.name for path in output.glob("*.mp4")] == ["film.mp4"]


def test_a_full_disk_ends_a_run_of_images_between_two_of_them(
    detector, tmp_path, save, limited_files
):
    noise = np.random.default_rng(0).integers(0, 256, (5, 100, 100, 3), np.uint8)
    photos = [save(tmp_path / f"{n}.png", image) for n, image in enumerate(noise)]
    photos[2] = save(tmp_path / "2.png", np.tile(noise[2], (3, 3, 1)))
    run(detector, photos, tmp_path / "whole", pictures="png")
    output = tmp_path / "out"
    limited_files(100_000)
    with pytest.raises(OSError, match=r"2\.png"):
        run(detector, photos, output, pictures="png")
    assert len(json.loads((output / "detections.json").read_text())) == 2
    limited_files(10**9)
    run(detector, photos, output, pictures="png", resume=True)
    assert texts(output) == texts(tmp_path / "whole")


class Killed(BaseException):
    pass


def test_a_run_that_goes_on_does_not_take_the_film_of_the_run_that_it_replaces(
    detector, tmp_path, new_film, frames_of, monkeypatch
):
    output, film = tmp_path / "out", new_film(tmp_path / "in" / "film.mp4", [10, 20, 30])
    run(detector, film, output)
    new_film(film, [110, 120, 130])

    def kill(*args, **options):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(films.Film, "finish", kill)
        with pytest.raises(Killed):
            run(detector, film, output, overwrite=True)
    for part in output.glob(".film.part*"):
        part.unlink()  # as if no frame had reached the disk
    run(detector, film, output, resume=True)
    colors = [color for _, color in frames_of(output / "film.mp4")]
    assert np.abs(np.array(colors) - [110, 120, 130]).max() < 10


def test_a_run_that_ended_between_the_crops_of_a_frame_writes_them_when_it_goes_on(
    detector, tmp_path, film, monkeypatch
):
    options = {"pictures": None, "crops": True}
    run(detector, film, tmp_path / "whole", **options)
    write_crops, left = writing.write_crops, iter(range(3))

    def kill(*args):
        if next(left, None) is None:
            raise Killed
        write_crops(*args)

    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_crops", kill)
        with pytest.raises(Killed):
            run(detector, film, tmp_path / "out", **options)
    run(detector, film, tmp_path / "out", resume=True, **options)
    names = [
        {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
        for folder in (tmp_path / "out", tmp_path / "whole")
    ]
    assert names[0] == names[1]
    assert texts(tmp_path / "out") == texts(tmp_path / "whole")
