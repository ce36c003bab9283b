"""Differences between two detectors whose answers are written down here."""

import numpy as np

from keras_ssd.formats.compare import Differences, compare, file_size

BOX, SHIFTED, FAR = [0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.4], [0.6, 0.6, 0.9, 0.9]


class Fake:
    """Finds the given (box, label, score) in one image; a row of padding follows."""

    def __init__(self, *found):
        boxes, labels, scores = zip(*found, ([0.0] * 4, -1, 0.0), strict=True)
        self.found = {
            "boxes": np.array([boxes], np.float32),
            "labels": np.array([labels], np.int32),
            "scores": np.array([scores], np.float32),
            "num_detections": np.array([len(found)], np.int32),
        }

    def predict(self, images, **options):
        return self.found


IMAGES = np.zeros((1, 8, 8, 3), np.uint8)


def test_a_detector_does_not_differ_from_itself():
    detector = Fake((BOX, 0, 0.9), (FAR, 1, 0.5))
    assert compare(detector, detector, IMAGES) == Differences(2, 0, 0.0, 0.0)


def test_the_largest_differences_are_of_the_detections_of_the_closest_scores():
    found = compare(
        Fake((BOX, 0, 0.75), (FAR, 1, 0.5)),
        Fake((FAR, 1, 0.5), (SHIFTED, 0, 0.5), (FAR, 0, 0.75)),
        IMAGES,
    )
    assert (found.matched, found.missed) == (2, 0)
    np.testing.assert_allclose((found.box, found.score), (0.1, 0.25), rtol=1e-5)


def test_near_duplicates_are_told_apart_by_their_scores():
    near = [0.0, 0.0, 0.5, 0.45]
    first = Fake((BOX, 0, 0.9), (near, 0, 0.5))
    swapped = Fake((near, 0, 0.875), (BOX, 0, 0.5))
    found = compare(first, swapped, IMAGES)
    assert (found.matched, found.missed) == (2, 0)
    np.testing.assert_allclose((found.box, found.score), (0.05, 0.025), rtol=1e-5)


def test_a_closest_score_elsewhere_or_of_another_label_does_not_count():
    other = Fake((SHIFTED, 0, 0.5), (FAR, 0, 0.75), (BOX, 1, 0.75))
    found = compare(Fake((BOX, 0, 0.75)), other, IMAGES)
    np.testing.assert_allclose((found.box, found.score), (0.1, 0.25), rtol=1e-5)


def test_a_detection_without_one_of_its_label_and_place_is_missed():
    detector = Fake((BOX, 0, 0.9))
    for other in (Fake(), Fake((BOX, 1, 0.9)), Fake((FAR, 0, 0.9))):
        assert compare(detector, other, IMAGES) == Differences(0, 1, 0.0, 0.0)


def test_detections_below_the_least_score_and_padding_do_not_count():
    detector = Fake((BOX, 0, 0.2))
    assert compare(detector, Fake(), IMAGES) == Differences(0, 0, 0.0, 0.0)
    assert compare(detector, Fake(), IMAGES, least_score=0.0) == Differences(0, 1, 0.0, 0.0)


def test_the_size_of_a_folder_is_that_of_all_its_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.bin").write_bytes(bytes(5))
    (tmp_path / "c.bin").write_bytes(bytes(7))
    assert file_size(tmp_path / "c.bin") == 7
    assert file_size(tmp_path) == 12
