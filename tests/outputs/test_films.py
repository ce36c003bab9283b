"""`detect_to_folder` on videos."""

import json

import numpy as np
import pytest

from keras_ssd.images import write_image
from keras_ssd.outputs.detecting import detect_to_folder
from keras_ssd.results.drawing import class_color
from keras_ssd.video import VideoReader

LABELS = range(10, 210, 8)  # 25 frames


def lines(folder):
    return [json.loads(line) for line in (folder / "detections.jsonl").read_text().splitlines()]


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def shown(folder, name="film.mp4"):
    """The color of the best box's upper border in each frame."""
    with VideoReader(folder / name) as video:
        return [frame.image[24, 30].astype(int) for frame in video.frames()]


def run(detector, sources, output, **options):
    return detect_to_folder(
        detector,
        sources,
        output,
        **{"save": ["json", "jsonl"], "confidence_threshold": 0.5} | options,
    )


def test_a_film_has_all_frames_at_their_times_with_the_objects_drawn(
    detector, tmp_path, new_film, frames_of
):
    film = new_film(tmp_path / "in" / "film.mp4", LABELS)
    assert run(detector, film, tmp_path / "out") == []
    assert files(tmp_path / "out") == [
        *("detections.json", "detections.jsonl", "film.mp4", "journal.jsonl")
    ]
    expected = [(number / 10, label) for number, label in enumerate(LABELS)]
    found = frames_of(tmp_path / "out" / "film.mp4")
    assert [time for time, _ in found] == pytest.approx([time for time, _ in expected])
    np.testing.assert_allclose([c for _, c in found], [c for _, c in expected], atol=3)
    labels = [
        int(line["detections"][0]["label"].removeprefix("class"))
        for line in lines(tmp_path / "out")
    ]
    np.testing.assert_allclose(labels, LABELS, atol=3)
    for color, label in zip(shown(tmp_path / "out"), labels, strict=True):
        assert np.ptp(color) > 40  # while the frame is gray; H.264 blurs the color of a thin line
        assert color.argmax() == np.argmax(class_color(label))
    records = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert [(record["frame"], record["time"]) for record in records] == [
        (number, number / 10) for number in range(25)
    ]


def test_between_the_frames_that_are_looked_at_a_film_shows_the_last_boxes(
    detector, tmp_path, new_film, frames_of
):
    film = new_film(tmp_path / "film.mp4", [10] * 10 + [200] * 15)
    assert run(detector, film, tmp_path / "out", every=6) == []
    assert [line["frame"] for line in lines(tmp_path / "out")] == [0, 6, 12, 18, 24]
    assert sum(map(len, detector.batches)) == 5
    assert len(frames_of(tmp_path / "out" / "film.mp4")) == 25
    colors = shown(tmp_path / "out")
    same = [np.abs(color - colors[0]).max() < 60 for color in colors]
    assert same == [True] * 12 + [False] * 13


def test_images_and_films_are_mixed_and_have_names_of_their_own(detector, tmp_path, new_film, save):
    sources = [
        new_film(tmp_path / "a" / "film.mp4", [10, 20]),
        save(tmp_path / "film.png", np.full((30, 40, 3), 30, np.uint8)),
        new_film(tmp_path / "b" / "film.mp4", [40]),
        save(tmp_path / "film_000001.png", np.full((30, 40, 3), 50, np.uint8)),
    ]
    assert run(detector, sources, tmp_path / "out", save=["voc", "coco"]) == []
    assert sorted(path.stem for path in (tmp_path / "out" / "voc").iterdir()) == [
        "film-2",
        "film-3_000000",
        "film_000000",
        "film_000001",
        "film_000001-2",
    ]
    assert (tmp_path / "out" / "film_000001-2.jpg").exists()
    coco = json.loads((tmp_path / "out" / "coco.json").read_text())
    assert len({image["file_name"] for image in coco["images"]}) == 5


def test_a_run_without_pictures_writes_no_film_and_looks_at_each_nth_frame(
    detector, tmp_path, new_film
):
    film = new_film(tmp_path / "film.mp4", LABELS)
    run(detector, film, tmp_path / "out", pictures=None, every=10)
    assert [line["frame"] for line in lines(tmp_path / "out")] == [0, 10, 20]
    assert files(tmp_path / "out") == ["detections.json", "detections.jsonl", "journal.jsonl"]


def test_a_film_in_the_output_folder_is_never_replaced(detector, tmp_path, new_film):
    film = new_film(tmp_path / "film.mp4", LABELS)
    before = film.read_bytes()
    run(detector, tmp_path, tmp_path)
    assert film.read_bytes() == before
    assert (tmp_path / "film-2.mp4").exists()


def test_crops_of_frames_have_the_number_of_the_frame(detector, tmp_path, new_film):
    film = new_film(tmp_path / "film.mp4", [0, 0])
    run(detector, film, tmp_path / "out", crops=True)
    names = sorted(path.name for path in (tmp_path / "out" / "crops").rglob("*.jpg"))
    assert names == ["film_000000-1.jpg", "film_000001-1.jpg"]


def test_a_limit_ends_a_film(detector, tmp_path, new_film, frames_of, save):
    sources = [
        save(tmp_path / "a.png", np.full((30, 40, 3), 30, np.uint8)),
        new_film(tmp_path / "film.mp4", LABELS),
    ]
    ends = []
    run(detector, sources, tmp_path / "out", limit=8, on_film=lambda end, path: ends.append(end))
    assert len(frames_of(tmp_path / "out" / "film.mp4")) == 7
    assert [(end.frames, end.problem) for end in ends] == [(7, None)]
    assert sum(ends[0].frames_with.values()) == 7


def test_a_video_that_breaks_keeps_what_can_be_read(detector, tmp_path, new_film, frames_of, save):
    film = new_film(tmp_path / "film.mp4", LABELS)
    film.write_bytes(film.read_bytes()[:-150])  # at its end are the frames
    after = save(tmp_path / "a.png", np.full((30, 40, 3), 30, np.uint8))
    ends = []
    (problem,) = run(
        detector, [film, after], tmp_path / "out", on_film=lambda end, path: ends.append(end)
    )
    assert problem.startswith(f"{film}: ")
    assert ends[0].problem == problem
    assert 0 < ends[0].frames < 25
    assert len(frames_of(tmp_path / "out" / "film.mp4")) == ends[0].frames
    assert (tmp_path / "out" / "a.jpg").exists()
    detector.batches.clear()
    assert run(detector, [film, after], tmp_path / "out", resume=True) == [problem]
    assert detector.batches == []


def test_a_video_that_cannot_be_opened_is_named(detector, tmp_path):
    film = tmp_path / "film.mp4"
    film.write_text("no film")
    (problem,) = run(detector, film, tmp_path / "out")
    assert problem.startswith(f"{film}: ")
    assert not list((tmp_path / "out").glob("*.mp4"))


def test_an_animated_gif_becomes_a_film(detector, tmp_path, frames_of):
    image = pytest.importorskip("PIL.Image")
    pictures = [image.new("RGB", (64, 48), (label, 0, 0)) for label in (10, 100, 200)]
    pictures[0].save(
        tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=100, loop=0
    )
    assert run(detector, tmp_path / "a.gif", tmp_path / "out") == []
    assert len(frames_of(tmp_path / "out" / "a.mp4")) == 3
    assert len(lines(tmp_path / "out")) == 3


def test_the_sound_is_copied(detector, tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "loud.mp4"
    with av.open(str(path), "w") as file:
        video, audio = file.add_stream("libx264", rate=10), file.add_stream("aac", rate=44100)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 9 * number, np.uint8))
            file.mux(video.encode(frame))
        file.mux(video.encode())
        for number in range(86):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            sound.sample_rate, sound.pts = 44100, 1024 * number
            file.mux(audio.encode(sound))
        file.mux(audio.encode())
    assert run(detector, path, tmp_path / "out") == []
    with av.open(str(tmp_path / "out" / "loud.mp4")) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
        assert file.streams.audio[0].duration * file.streams.audio[0].time_base > 1.9


@pytest.fixture
def camera(monkeypatch):
    """Makes the source 0 a camera that ends after some frames."""
    from keras_ssd.inputs import Frame, finding
    from keras_ssd.inputs.live import LiveInput, live_info

    class Fake(LiveInput):
        @property
        def video(self):
            return live_info(64, 48)

        def frames(self, start=0):
            for number in range(5):
                image = np.full((48, 64, 3), number, np.uint8)
                yield Frame(image, self.name, start + number, number / 10, 9000 * number)

    monkeypatch.setattr(finding, "Camera", lambda index: Fake(str(index)))


def test_a_camera_gives_a_film_for_each_run(detector, tmp_path, camera, frames_of):
    assert run(detector, [0], tmp_path / "out") == []
    first = lines(tmp_path / "out")
    assert len(frames_of(tmp_path / "out" / "0.mp4")) == len(first) >= 1


def test_the_picture_of_a_film_is_not_needed_for_its_name(detector, tmp_path, new_film):
    write_image(np.zeros((3, 3, 3), np.uint8), tmp_path / "out" / "film.jpg")
    run(detector, new_film(tmp_path / "film.mp4", LABELS), tmp_path / "out")
    assert (tmp_path / "out" / "film.mp4").exists()
