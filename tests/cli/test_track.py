"""`keras-ssd track`, with a detector that finds the bright square in a dark film."""

import csv
import json
from fractions import Fraction

import numpy as np
import pytest

from keras_ssd.cli import detect, main
from keras_ssd.images import read_image, write_image
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.video import VideoInfo, VideoReader, VideoWriter

HEIGHT, WIDTH = 96, 128
MODEL = ("--model", "ssd_mobilenet_320_voc_int8")
LINE = "64,160,64,0"  # upward: what moves to the right crosses it from left to right


class SquareDetector(ObjectDetector):
    class_names = ("square", "other")
    image_size = 32

    def predict_on_batch(self, images):
        boxes = np.zeros((len(images), 1, 4))
        for box, image in zip(boxes, images, strict=True):
            ys, xs = np.nonzero(image[..., 0] > 128)
            box[0] = np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]) / self.image_size
        count = len(images)
        return {
            "boxes": boxes,
            "labels": np.zeros((count, 1), int),
            "scores": np.full((count, 1), 0.9),
            "num_detections": np.ones(count, int),
        }


def picture(x):
    """Returns a dark image with a bright square of 32 pixels, with its center at (x, 48)."""
    image = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    image[32:64, x - 16 : x + 16] = 240
    return image


@pytest.fixture(autouse=True)
def _square_detector(monkeypatch):
    monkeypatch.setattr(detect, "_detector", lambda options: SquareDetector())


@pytest.fixture
def film(tmp_path):
    """Writes a film of 10 frames a second in which the square is at these places."""

    def write(name, places=range(20, 108, 8)):
        path = tmp_path / name
        with VideoWriter(path, VideoInfo(WIDTH, HEIGHT, Fraction(10), Fraction(1, 10))) as video:
            for number, x in enumerate(places):
                video.write(picture(x), number)
        return str(path)

    return write


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


def track(*arguments):
    return main(["track", *map(str, arguments), *MODEL])


def test_numbers_are_in_all_result_files_and_counts_in_theirs(film, output, capsys):
    path = film("a.mp4")
    options = ("--output", output, "--count-line", LINE, "--save", "json", "jsonl", "csv")
    assert track(path, *options) == 0
    expected = [-1] + [1] * 10
    records = json.loads((output / "detections.json").read_text())
    assert [(record["frame"], record["track"]) for record in records] == [*enumerate(expected)]
    with (output / "detections.csv").open() as file:
        assert [int(row["track"]) for row in csv.DictReader(file)] == expected
    lines = [json.loads(line) for line in (output / "detections.jsonl").read_text().splitlines()]
    assert '"track": 1' in json.dumps(lines[-1])
    line = {"line": [64, 160, 64, 0], "left_to_right": {"square": 1}, "right_to_left": {}}
    counts = json.loads((output / "counts.json").read_text())
    assert counts == [{"image": path, "lines": [line]}]
    assert capsys.readouterr().out.splitlines() == [
        f"{path}: 11 frames; 1 object tracked (1 square) -> {output / 'a.mp4'}",
        f"{path}: line {LINE}: left to right 1 square, right to left 0",
    ]


def test_the_film_shows_the_number_the_trail_and_the_line(film, output):
    assert track(film("a.mp4"), "--output", output, "--count-line", LINE) == 0
    with VideoReader(output / "a.mp4") as video:
        first, *_, last = (frame.image.astype(int) for frame in video.frames())
    assert last.shape == (HEIGHT, WIDTH, 3)
    # In the first frame nothing has a number, so that only the line is drawn.
    assert abs(first - picture(20))[:, :40].max() < 60
    assert first[10, 64].min() > 150
    colorful = (last.max(axis=-1) - last.min(axis=-1)) > 40
    assert colorful[48, 70:80].any()  # the trail, where the background is dark
    assert colorful[28:36, 84:116].any()  # the box


def test_counts_do_not_need_pictures(film, output):
    path = film("a.mp4")
    assert track(path, "--output", output, "--count-line", LINE, "--no-pictures") == 0
    (counts,) = json.loads((output / "counts.json").read_text())
    assert counts["lines"][0]["left_to_right"] == {"square": 1}
    assert not (output / "a.mp4").exists()


def test_each_video_has_its_own_numbers_and_counts(film, output):
    there, back = film("there.mp4"), film("back.mp4", range(100, 12, -8))
    lines = ("--count-line", LINE, "--count-line", "0,10,128,10")
    assert track(there, back, "--output", output, *lines) == 0
    records = json.loads((output / "detections.json").read_text())
    assert [record["track"] for record in records] == ([-1] + [1] * 10) * 2
    counts = json.loads((output / "counts.json").read_text())
    crossings = [
        [(line["left_to_right"], line["right_to_left"]) for line in video["lines"]]
        for video in counts
    ]
    assert crossings == [[({"square": 1}, {}), ({}, {})], [({}, {"square": 1}), ({}, {})]]


def test_every_second_frame_is_tracked_and_all_are_in_the_film(film, output):
    options = ("--output", output, "--count-line", LINE, "--every", 2)
    assert track(film("a.mp4"), *options) == 0
    records = json.loads((output / "detections.json").read_text())
    assert [(record["frame"], record["track"]) for record in records] == [
        (number, 1 if number else -1) for number in range(0, 11, 2)
    ]
    with VideoReader(output / "a.mp4") as video:
        assert len(list(video.frames())) == 11
    (counts,) = json.loads((output / "counts.json").read_text())
    assert counts["lines"][0]["left_to_right"] == {"square": 1}


def test_numbered_images_in_a_folder_are_tracked_and_others_are_refused(output, tmp_path, capsys):
    folder = tmp_path / "film"
    folder.mkdir()
    for number, x in enumerate(range(30, 100, 10), start=7):
        write_image(picture(x), folder / f"{number}.png")
    write_image(picture(30), tmp_path / "dog.png")
    line = ("--count-line", LINE)
    options = ("--output", output, "--pictures", "png", *line)
    assert track(tmp_path / "dog.png", folder, *options) == 1
    (problem,) = capsys.readouterr().err.splitlines()
    assert problem.startswith(f"keras-ssd track: {tmp_path / 'dog.png'}: objects are tracked in ")
    records = json.loads((output / "detections.json").read_text())
    assert [record["track"] for record in records] == [-1] + [1] * 6
    assert (read_image(output / "13.png") != picture(90)).any()
    (counts,) = json.loads((output / "counts.json").read_text())
    assert counts["lines"][0]["left_to_right"] == {"square": 1}


def test_a_tracked_run_does_not_go_on_and_says_so(film, output, capsys):
    path = film("a.mp4")
    assert track(path, "--output", output) == 0
    assert track(path, "--output", output, "--resume") == 1
    assert capsys.readouterr().err == (
        "keras-ssd track: --resume: a run that tracks objects cannot go on, because their numbers "
        "would begin anew; --overwrite replaces it\n"
    )
    assert main(["detect", path, "--output", str(output), "--resume", *MODEL]) == 1
    assert "the earlier run had another setting" in capsys.readouterr().err


def test_counts_are_not_replaced_unless_asked_for(film, output, capsys):
    path = film("a.mp4")
    output.mkdir()
    (output / "counts.json").write_text("mine")
    assert track(path, "--output", output, "--count-line", LINE) == 1
    assert "counts.json: exists already; --overwrite replaces it" in capsys.readouterr().err
    assert (output / "counts.json").read_text() == "mine"
    assert track(path, "--output", output, "--count-line", LINE, "--overwrite") == 0
    assert len(json.loads((output / "counts.json").read_text())) == 1
    assert track(path, "--output", output, "--overwrite") == 0
    assert not (output / "counts.json").exists()


@pytest.mark.parametrize("line", ["1,2,3", "5,5,5,5", "a"])
def test_a_line_that_is_none_is_refused(line, output, capsys):
    with pytest.raises(SystemExit):
        track("a.mp4", "--output", output, "--count-line", line)
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("keras-ssd track: error: argument --count-line: expected ")


def test_the_options_of_the_tracker_are_taken(film, output):
    options = ("--output", output, "--start-confidence", 0.95, "--lost-seconds", 2, "--by-class")
    assert track(film("a.mp4"), *options) == 0
    assert json.loads((output / "detections.json").read_text()) == []


@pytest.mark.parametrize("writes", [False, True])
def test_what_is_shown_is_what_is_tracked(film, output, monkeypatch, writes, capsys):
    shown = []

    class Window:
        def show(self, image, *, is_still):
            shown.append(image.astype(int))
            return True

        def close(self):
            shown.append("closed")

    monkeypatch.setattr(detect, "_window", lambda command: Window())
    into = ("--output", output) if writes else ()
    path = film("a.mp4")
    # Every second frame is looked at; a film shows those between as well.
    options = ("--show", "--count-line", LINE, "--every", 2, *into)
    assert track(path, *options) == 0
    assert shown.pop() == "closed"
    assert len(shown) == (11 if writes else 6)
    colorful = [(image.max(axis=-1) - image.min(axis=-1) > 40).any() for image in shown]
    assert colorful == [False] * (2 if writes else 1) + [True] * (9 if writes else 5)
    assert "left to right 1 square, right to left 0" in capsys.readouterr().out
