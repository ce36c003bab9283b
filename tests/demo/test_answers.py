"""What the page answers. The detector finds an object with the mean red of the image as its class,
and one of class 0 with a low score."""

import json
from fractions import Fraction

import numpy as np
import pytest

from keras_ssd.demo import answers
from keras_ssd.demo.answers import Answer, Choice, answer_picture, answer_video
from keras_ssd.images import read_image
from keras_ssd.video import VideoInfo, VideoReader, VideoWriter, join_parts

ALL = Choice(confidence=0.1, iou=1.0)


@pytest.fixture
def folder(tmp_path):
    """An empty folder, as the page gives it."""
    path = tmp_path / "answer"
    path.mkdir()
    return path


@pytest.fixture
def picture(tmp_path, save):
    return str(save(tmp_path / "up" / "a b.png", np.full((30, 40, 3), 7, np.uint8)))


@pytest.fixture
def ask_video(detector, tmp_path_factory):
    """Asks about a video; returns the answer and what was told of the progress."""

    def ask(path, choice=ALL):
        told, folder = [], tmp_path_factory.mktemp("answer")
        answer = answer_video(detector, str(path), choice, folder, lambda *done: told.append(done))
        return answer, told

    return ask


@pytest.fixture
def film(tmp_path):
    """Writes a film of 5 frames, which states its length, or as a part that does not."""

    def write(*, states_length):
        part, path = tmp_path / "part.mp4", tmp_path / "film.mp4"
        with VideoWriter(part, VideoInfo(64, 48, Fraction(25), Fraction(1, 25))) as writer:
            for pts in range(5):
                writer.write(np.full((48, 64, 3), 85, np.uint8), pts)
        if not states_length:
            return part
        join_parts([part], path)
        return path

    return write


def test_a_picture_gives_a_sentence_a_table_and_two_files(detector, picture, folder):
    answer = answer_picture(detector, picture, ALL, folder)
    assert answer.status.startswith("2 objects found in a b.png in 0.")
    assert answer.rows == [
        ("class7", "0.90", "10, 15, 30, 30"),
        ("class0", "0.20", "0, 0, 20, 15"),
    ]
    assert answer.drawn == folder / "a b-detections.jpg"
    assert read_image(answer.drawn).shape == (30, 40, 3)
    assert (read_image(answer.drawn) > 60).any()  # the boxes
    records = json.loads(answer.records.read_text())
    assert [(record["image"], record["label"]) for record in records] == [
        ("a b.png", "class7"),
        ("a b.png", "class0"),
    ]


def test_the_choice_of_confidence_and_classes_applies(detector, picture, folder):
    answer = answer_picture(detector, picture, Choice(0.5, 1.0), folder)
    assert answer.status.startswith("1 object found")
    answer = answer_picture(detector, picture, Choice(0.1, 1.0, ["class0"]), folder)
    assert [row[0] for row in answer.rows] == ["class0"]
    answer = answer_picture(detector, picture, Choice(0.1, 1.0, ["class3"]), folder)
    assert answer.status.startswith("0 objects found")
    assert json.loads(answer.records.read_text()) == []


def test_grayscale_transparent_and_turned_pictures_are_taken(detector, tmp_path, folder, save):
    image = pytest.importorskip("PIL.Image")
    pixels = np.full((30, 40, 4), 7, np.uint8)
    exif = image.Exif()
    exif[0x112] = 6  # to be turned by 90 degrees
    image.fromarray(pixels[..., :3]).save(tmp_path / "turned.jpg", exif=exif)
    paths = [
        save(tmp_path / "gray.png", pixels[..., 0]),
        save(tmp_path / "transparent.png", pixels),
        tmp_path / "turned.jpg",
    ]
    for path in paths:
        answer = answer_picture(detector, str(path), ALL, folder)
        assert answer.status.startswith(f"2 objects found in {path.name} in")
    assert answer.rows[0][2] == "8, 20, 22, 40"  # in the upright picture, 30 x 40


def test_files_that_are_no_pictures_are_told_by_name_without_their_folder(
    detector, unreadable, folder
):
    for path in unreadable:
        answer = answer_picture(detector, str(path), ALL, folder)
        assert answer == Answer(answer.status)
        assert answer.status.startswith(f"{path.name}: ")
        assert str(path.parent) not in answer.status
    assert list(folder.iterdir()) == []


def test_a_video_gives_a_film_with_its_classes_and_frames(ask_video, film):
    answer, told = ask_video(film(states_length=True))
    assert answer.status.startswith("5 frames of film.mp4 looked at in ")
    assert sorted(answer.rows) == [("class0", "5"), ("class85", "5")]
    assert answer.drawn.name == "film-detections.mp4"
    with VideoReader(answer.drawn) as video:
        assert len(list(video.frames())) == 5
    records = json.loads(answer.records.read_text())
    assert {(record["image"], record["frame"]) for record in records} == {
        ("film.mp4", number) for number in range(5)
    }
    assert told == [(number, 5) for number in range(1, 6)]


def test_the_choice_applies_to_videos(ask_video, film):
    answer, told = ask_video(film(states_length=False), Choice(0.5, 1.0, ["class0"]))
    assert answer.rows == []
    assert told == [(number, None) for number in range(1, 6)]


@pytest.mark.parametrize("states_length", [True, False])
def test_a_video_that_is_too_long_is_refused(ask_video, film, monkeypatch, states_length):
    monkeypatch.setattr(answers, "MAX_FRAMES", 4)
    path = film(states_length=states_length)
    answer, told = ask_video(path)
    assert answer == Answer(
        f"{path.name}: the video has more than 4 frames; the command keras-ssd detect takes videos "
        "of any length"
    )
    assert len(told) == (0 if states_length else 4)
    monkeypatch.setattr(answers, "MAX_FRAMES", 5)
    assert ask_video(path)[0].drawn is not None


def test_files_that_are_no_videos_are_told_by_name(ask_video, picture, tmp_path):
    (tmp_path / "notes.mp4").write_text("no video")
    (tmp_path / "paths.txt").write_text(picture)  # as a source, this is a list of paths
    for path, problem in (
        (picture, "expected a video"),
        (tmp_path / "notes.mp4", "not a video that FFmpeg can read"),
        (tmp_path / "paths.txt", "expected a video"),
        (tmp_path / "absent.mp4", "No such file"),
    ):
        answer, told = ask_video(path)
        assert answer == Answer(answer.status)
        assert problem in answer.status
        assert str(tmp_path) not in answer.status
        assert told == []


def test_a_video_that_breaks_gives_its_beginning_and_says_so(ask_video, film, tmp_path):
    path = film(states_length=True)
    data = path.read_bytes()
    path.write_bytes(data[: -len(data) // 50])
    answer, _ = ask_video(path)
    assert answer.drawn is not None
    assert "of film.mp4 looked at in" in answer.status
    assert "; film.mp4: " in answer.status
