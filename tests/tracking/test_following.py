"""Tracking in one video after another, and in numbered images."""

import numpy as np
import pytest

from keras_ssd.inputs import Frame
from keras_ssd.tracking import Tracker, follow

IMAGE = np.zeros((480, 640, 3), np.uint8)


@pytest.fixture
def follow_all(detections, box_at):
    """Tracks a standing object; each of `places` is (image, frame)."""

    def run(*places, **options):
        results = (
            (
                Frame(IMAGE, image, number=frame),
                detections((0, 0.9, box_at(100, 100)), image=image, frame=frame),
            )
            for image, frame in places
        )
        followed = follow(results, Tracker(), **options)
        return [(frame.source, found.image, *found.track_ids.tolist()) for frame, found in followed]

    return run


def test_numbers_begin_anew_in_each_video(follow_all):
    found = follow_all(("a", 0), ("a", 1), ("b", 0), ("b", 1), ("b", 0), ("b", 1))
    assert [track for _, _, track in found] == [-1, 1, -1, 1, -1, 1]
    assert [track for *_, track in follow_all(("a", 0), ("a", 1), ("b", 2))] == [-1, 1, -1]
    assert [(source, image) for source, image, _ in found] == [("a", "a")] * 2 + [("b", "b")] * 4


@pytest.mark.parametrize(
    "images",
    [
        ["film/8.jpg", "film/9.jpg", "film/10.jpg"],
        ["shot2_008.png", "shot2_009.png", "shot2_011.png"],
        ["1a.jpg", "2a.jpg", "3a.jpg"],
        ["0", "1", "2"],  # the names of arrays
    ],
)
def test_numbered_images_are_the_frames_of_a_video(follow_all, images):
    assert [track for *_, track in follow_all(*((image, None) for image in images))] == [-1, 1, 1]


@pytest.mark.parametrize(
    "images",
    [
        ["a/1.jpg", "b/2.jpg"],
        ["a1.jpg", "b2.jpg"],
        ["a1.jpg", "a2.png"],
        ["a1.jpg", "a2b.jpg"],
    ],
)
def test_images_of_another_folder_or_name_are_another_video(follow_all, images):
    assert [track for *_, track in follow_all(*((image, None) for image in images))] == [-1, -1]


def test_images_after_a_video_are_another_video(follow_all):
    found = follow_all(("a1", 0), ("a1", 1), ("a2", None), ("a3", None), ("a4", 0))
    assert [track for *_, track in found] == [-1, 1, -1, 1, -1]


@pytest.mark.parametrize("image", ["dog.jpg", "2026/dog.jpg", "dog.jp2"])
def test_an_image_without_a_number_is_refused(follow_all, image):
    message = rf"^{image}: objects are tracked in videos and in numbered images"
    with pytest.raises(ValueError, match=message):
        follow_all((image, None))


def test_images_in_another_order_are_refused(follow_all):
    message = r"^a/9.jpg: expected an image with a higher number than a/10.jpg"
    with pytest.raises(ValueError, match=message):
        follow_all(("a/10.jpg", None), ("a/9.jpg", None))


def test_a_refused_image_is_left_out_and_told(follow_all):
    errors = []
    found = follow_all(
        ("dog.jpg", None), ("1.jpg", None), ("2.jpg", None), ("2.jpg", None), on_error=errors.append
    )
    assert [(image, track) for _, image, track in found] == [("1.jpg", -1), ("2.jpg", 1)]
    assert [str(error).partition(":")[0] for error in errors] == ["dog.jpg", "2.jpg"]


def test_frames_in_between_say_nothing_to_the_tracker(detections, box_at):
    objects = [(0, 0.9, box_at(100, 100))]
    results = [
        (
            Frame(IMAGE, "a.mp4", number=number, only_shown=number % 2 == 1),
            detections(*objects[number % 2 :], image="a.mp4", frame=number),
        )
        for number in range(5)
    ]
    followed = list(follow(results, Tracker()))
    assert [frame for frame, _ in followed] == [frame for frame, _ in results]
    assert [found.track_ids.tolist() for _, found in followed] == [[-1], [], [1], [], [1]]
