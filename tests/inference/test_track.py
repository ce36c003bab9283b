"""`detector.track` on a fake detector."""

import threading
from fractions import Fraction

import numpy as np
import pytest

from keras_ssd.tracking import Tracker

GRAY = np.full((48, 64, 3), 7, np.uint8)


def ids(results):
    return [found.track_ids.tolist() for found in results]


@pytest.fixture
def film(tmp_path):
    """Writes a gray video at 25 frames a second."""
    pytest.importorskip("av")
    from keras_ssd.video import VideoInfo, VideoWriter

    def write(name, frames=5):
        path = tmp_path / name
        info = VideoInfo(64, 48, Fraction(25), Fraction(1, 25), frames, False, 0)
        writer = VideoWriter(path, info)
        for number in range(frames):
            writer.write(GRAY, number)
        writer.close()
        return str(path)

    return write


def test_the_objects_in_a_video_get_numbers_in_the_second_frame(detector, film):
    found = list(detector.track(film("a.mp4")))
    # The fake finds two objects in every frame. The second one has a score of 0.2.
    assert ids(found) == [[-1]] + [[1]] * 4
    assert [one.frame for one in found] == [0, 1, 2, 3, 4]
    np.testing.assert_allclose([one.time for one in found], np.arange(5) / 25)


def test_numbers_begin_anew_in_each_video(detector, film):
    found = list(detector.track([film("a.mp4", 2), film("b.mp4", 2)]))
    assert ids(found) == [[-1], [1]] * 2


def test_a_list_of_arrays_is_a_video(detector):
    assert ids(detector.track([GRAY] * 3)) == [[-1], [1], [1]]


def test_a_folder_of_numbered_images_is_a_video(detector, save, tmp_path):
    for number in (8, 9, 10):
        save(tmp_path / "film" / f"frame{number}.png", GRAY)
    found = list(detector.track(tmp_path / "film"))
    assert [one.image.rpartition("frame")[2] for one in found] == ["8.png", "9.png", "10.png"]
    assert ids(found) == [[-1], [1], [1]]


def test_an_image_without_a_number_is_refused_and_the_rest_goes_on(detector, save, film, tmp_path):
    dog = save(tmp_path / "dog.png", GRAY)
    with pytest.raises(ValueError, match=r"dog.png: objects are tracked in videos and in numbered"):
        list(detector.track(dog))
    errors = []
    found = list(detector.track([dog, film("a.mp4", 2)], on_error=errors.append))
    assert ids(found) == [[-1], [1]]
    assert len(errors) == 1


def test_the_same_arguments_select_as_in_detect(detector, film):
    path = film("a.mp4")
    options = {"confidence_threshold": 0.5, "every": 2, "batch_size": 3}
    tracked = list(detector.track(path, **options))
    for one, other in zip(tracked, detector.detect(path, **options), strict=True):
        assert (one.image, one.frame, one.names) == (other.image, other.frame, other.names)
        np.testing.assert_array_equal(one.boxes, other.boxes)
    assert ids(tracked) == [[-1], [1], [1]]


def test_a_tracker_with_other_settings_is_taken(detector, film):
    found = detector.track(film("a.mp4", 3), tracker=Tracker(start_threshold=0.1))
    assert ids(found) == [[-1, -1], [1, 2], [1, 2]]


def test_an_argument_out_of_range_is_refused_before_anything_is_read(detector):
    with pytest.raises(ValueError, match=r"^batch_size: expected 1 or more, not 0"):
        detector.track("missing.mp4", batch_size=0)


def test_no_thread_is_left_when_the_results_are_given_up(detector, film):
    before = threading.active_count()
    results = detector.track(film("a.mp4", 100), batch_size=1)
    next(results)
    results.close()
    assert threading.active_count() == before
