"""The thread that writes."""

import threading

import numpy as np
import pytest

from keras_ssd.inputs import Frame
from keras_ssd.outputs import films
from keras_ssd.outputs.detecting import detect_to_folder
from keras_ssd.outputs.reading import Item
from keras_ssd.outputs.writing import RunFolder, Writer
from keras_ssd.results.drawing import draw_detections


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "writer"] == []


@pytest.fixture
def folder(new_journal, tmp_path):
    return RunFolder(tmp_path, new_journal(), draw_detections, pytest.fail, ending=".png")


def put(writer, found, name, size=(100, 200)):
    frame = Frame(np.zeros((*size, 3), np.uint8), f"{name}.jpg")
    writer.put(Item(frame.source, name), frame, found(frame.source, size=size))


def test_images_are_written_in_order(folder, found, tmp_path):
    writer = Writer(folder)
    for number in range(20):
        put(writer, found, str(number))
    writer.close()
    names = [entry.name for entry in folder.journal.entries()]
    assert names == [str(number) for number in range(20)]
    assert len(list(tmp_path.glob("*.png"))) == 20


def test_frames_wait_with_50_megabytes_at_most(folder, found):
    go, written = threading.Event(), []

    def slow(image, detections):
        go.wait(10)
        written.append(detections.image)
        return image[:1, :1]

    folder.draw = slow
    writer = Writer(folder)
    done = []

    def put_all():
        for number in range(4):  # of 24 MB each
            put(writer, found, str(number), size=(2000, 4000))
            done.append(number)

    thread = threading.Thread(target=put_all)
    thread.start()
    thread.join(0.5)
    assert done == [0, 1]
    go.set()
    thread.join(10)
    writer.close()
    assert len(written) == 4


def test_an_error_arrives_and_nothing_is_written_after_it(folder, found):
    def fail(image, detections):
        if detections.image == "1.jpg":
            raise RuntimeError("of the drawing")
        return image

    folder.draw = fail
    writer = Writer(folder)

    def put_all():
        for number in range(1000):
            put(writer, found, str(number))

    with pytest.raises(RuntimeError, match="of the drawing"):
        put_all()
    with pytest.raises(RuntimeError, match="of the drawing"):
        writer.close()
    assert [entry.name for entry in folder.journal.entries()] == ["0", "1"]


def test_a_film_that_the_encoder_refuses_is_a_problem_and_the_rest_goes_on(
    detector, tmp_path, new_film, save, monkeypatch
):
    def refuse(self, image, pts, info):
        raise ValueError("FFmpeg cannot write the video")

    monkeypatch.setattr(films.Film, "write", refuse)
    photo = save(tmp_path / "a.png", np.full((20, 30, 3), 9, np.uint8))
    film = new_film(tmp_path / "film.mp4", [10, 20, 30])
    (problem,) = detect_to_folder(detector, [film, photo], tmp_path / "out", save=["csv"])
    assert problem == f"{film}: detected, but not drawn (FFmpeg cannot write the video)"
    assert len((tmp_path / "out" / "detections.csv").read_text().splitlines()) == 5
    assert [path.name for path in (tmp_path / "out").glob("*.[jm]p*")] == ["a.jpg"]


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (33, 17)])
def test_films_of_odd_sizes_are_written(detector, tmp_path, frames_of, size):
    image = pytest.importorskip("PIL.Image")
    height, width = size
    pictures = [image.new("RGB", (width, height), (label, 0, 0)) for label in (10, 100, 200)]
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    assert detect_to_folder(detector, path, tmp_path / "out") == []
    assert len(frames_of(tmp_path / "out" / "a.mp4")) == 3
