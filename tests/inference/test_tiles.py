"""Tiles, with a fake detector that finds rectangles of one color."""

import cv2
import numpy as np
import pytest

from keras_ssd import geometry
from keras_ssd.inference.pipeline import detect_frames
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.inference.tiles import merge_tiles, tile_boxes
from keras_ssd.inputs import Frame
from keras_ssd.results import Detections

NAMES = ("red", "green")
SIZE = 100


class FindsRectangles(ObjectDetector):
    """Finds each red or green rectangle of 8 pixels or more on both sides, at the network's size.

    Its score is the share of its image that it covers, so a larger part has a better score.
    """

    class_names, image_size = NAMES, SIZE

    def __init__(self):
        self.num_images = []

    def predict_on_batch(self, images):
        self.num_images.append(len(images))
        found = [self.rectangles(image) for image in images]
        most = max(1, *map(len, found))
        boxes, labels = np.zeros((len(images), most, 4)), -np.ones((len(images), most), int)
        for row, one in enumerate(found):
            for place, (label, box) in enumerate(one):
                boxes[row, place], labels[row, place] = box, label
        scores = 0.5 + geometry.area(boxes) / 2
        counts = np.array([len(one) for one in found])
        return {"boxes": boxes, "labels": labels, "scores": scores, "num_detections": counts}

    @staticmethod
    def rectangles(image):
        found = []
        for label in range(len(NAMES)):
            mask = (image[..., label] > 127).astype(np.uint8)
            for x, y, width, height, _ in cv2.connectedComponentsWithStats(mask)[2][1:]:
                if min(width, height) >= 8:
                    found.append((label, np.array([x, y, x + width, y + height]) / SIZE))
        return found


def picture(width, height, *rectangles):
    image = np.zeros((height, width, 3), np.uint8)
    for label, x1, y1, x2, y2 in rectangles:
        image[y1:y2, x1:x2, label] = 255
    return image


def found_in(image, tiles, batch_size=8):
    """Sorted (label, x1, y1, x2, y2), rounded to pixels."""
    options = {"tiles": tiles, "confidence_threshold": 0.01, "batch_size": batch_size}
    ((_, found),) = detect_frames(FindsRectangles(), [Frame(image, "a")], **options)
    assert found.size == image.shape[:2]
    assert (np.diff(found.scores) <= 0).all()
    return sorted([label, *box.round().astype(int).tolist()] for box, label, _, _ in found)


def assert_finds(image, rectangles, tiles, within):
    found = found_in(image, tiles)
    assert [label for label, *_ in found] == [label for label, *_ in sorted(rectangles)]
    np.testing.assert_allclose(found, sorted(map(list, rectangles)), atol=within)


# 600 pixels in 3 tiles of 231: [0, 231], [184, 415], [369, 600].
@pytest.mark.parametrize(
    "rectangle",
    [
        (0, 20, 30, 60, 60),  # inside one tile
        (0, 190, 20, 225, 60),  # whole in two tiles
        (0, 150, 100, 215, 180),  # whole in one tile, cut in the next
        (0, 150, 100, 260, 180),  # cut in both tiles
        (0, 150, 150, 260, 260),  # cut in four tiles
        (0, 10, 190, 590, 260),  # cut in all tiles of a row
        (0, 100, 100, 500, 500),  # as large as four tiles
        (0, 0, 0, 600, 600),  # the whole picture
        (0, 0, 300, 200, 600),  # at the border of the picture, which cuts nothing
    ],
)
def test_an_object_is_found_once_and_whole_wherever_it_is(rectangle):
    assert_finds(picture(600, 600, rectangle), [rectangle], tiles=3, within=7)


def test_small_objects_are_found_in_tiles_only():
    small = [(0, 30 * i + 5, 400, 30 * i + 25, 425) for i in range(19)]
    image = picture(600, 600, *small)
    assert found_in(image, tiles=None) == []
    assert_finds(image, small, tiles=3, within=3)


def test_neighbors_of_one_class_stay_two():
    rectangles = [(0, 150, 100, 200, 300), (0, 212, 100, 262, 300), (0, 150, 330, 262, 350)]
    assert_finds(picture(600, 600, *rectangles), rectangles, tiles=3, within=7)


def test_objects_of_two_classes_in_one_place_stay_two():
    rectangles = [(0, 150, 100, 260, 180), (1, 150, 100, 260, 180)]
    assert_finds(picture(600, 600, *rectangles), rectangles, tiles=3, within=7)


def test_an_object_within_a_larger_one_of_its_class_stays():
    def of(boxes, scores):
        return Detections("a", (600, 600), boxes, [0] * len(boxes), scores, NAMES)

    tiles = tile_boxes(600, 600, SIZE, 3)
    found = [of([[40, 40, 560, 560]], [0.9])] + [of(np.zeros((0, 4)), [])] * 9
    found[1] = of([[100, 100, 160, 160]], [0.8])
    merged = merge_tiles(found, tiles, (600, 600))
    assert merged.boxes.tolist() == [[40, 40, 560, 560], [100, 100, 160, 160]]


def of(boxes, scores=None, size=(60, 200)):
    scores = [0.5] * len(boxes) if scores is None else scores
    return Detections("a", size, np.reshape(boxes, (-1, 4)), [1] * len(boxes), scores, NAMES)


TWO = np.array([[0, 0, 200, 60], [0, 0, 110, 60], [90, 0, 200, 60]])  # and the whole picture


def test_the_best_box_that_is_not_cut_is_taken_with_the_best_score():
    whole, left, right = [[80, 10, 120, 50]], [[81, 10, 110, 50]], [[0, 11, 29, 50]]
    merged = merge_tiles([of(whole, [0.3]), of(left, [0.5]), of(right, [0.9])], TWO, (60, 200))
    assert merged.boxes.tolist() == whole
    assert merged.scores.tolist() == np.float32([0.9]).tolist()
    merged = merge_tiles([of([]), of(left, [0.5]), of(right, [0.9])], TWO, (60, 200))
    assert merged.boxes.tolist() == [[81, 10, 119, 50]]
    merged = merge_tiles([of([])] * 3, TWO, (60, 200))
    assert len(merged) == 0
    assert merged.size == (60, 200)


def test_large_objects_are_left_to_the_whole_picture():
    found = [of([]), of([[5, 5, 53, 55], [57, 5, 108, 55]]), of([])]
    merged = merge_tiles(found, TWO, (60, 200))  # a quarter is 50 pixels
    assert merged.boxes.tolist() == [[5, 5, 53, 55]]


def test_the_parts_of_an_object_are_joined_through_the_tiles_between():
    # 600 pixels in 6 tiles of 120. The whole picture shows the object less than 6 pixels high.
    rectangle = (0, 10, 190, 290, 225)
    assert_finds(picture(600, 600, rectangle), [rectangle], tiles=6, within=7)


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_the_batch_size_changes_nothing(batch_size):
    image = picture(600, 500, (0, 150, 100, 260, 180), (1, 10, 10, 40, 40), (1, 300, 300, 590, 490))
    assert found_in(image, 3, batch_size) == found_in(image, 3)
    assert len(found_in(image, 3)) == 3


def test_no_batch_is_larger_than_the_batch_size():
    detector = FindsRectangles()
    frames = [Frame(picture(600, 600), str(number)) for number in range(3)]
    list(detect_frames(detector, frames, tiles=2, batch_size=4))
    assert sum(detector.num_images) == 3 * (1 + 4)
    assert max(detector.num_images) == 4


class TestTiles:
    @pytest.mark.parametrize("tiles", [2, 3, 5, 16])
    @pytest.mark.parametrize(("height", "width"), [(600, 600), (1000, 600), (333, 1001), (20, 999)])
    def test_they_cover_the_picture_and_overlap_by_a_fifth(self, height, width, tiles):
        boxes = tile_boxes(height, width, SIZE, tiles)
        assert boxes[0].tolist() == [0, 0, width, height]
        covered = np.zeros((height, width), int)
        for x1, y1, x2, y2 in boxes[1:]:
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
            covered[y1:y2, x1:x2] += 1
        assert covered.min() == 1
        longer = 0 if width >= height else 1
        starts = sorted({box[longer] for box in boxes[1:].tolist()})
        assert len(starts) == tiles
        side = (boxes[1:, 2:] - boxes[1:, :2]).max()
        for axis in (0, 1):
            starts = np.unique(boxes[1:, axis])
            assert (np.diff(starts) <= 0.8 * side + 1.5).all()

    def test_auto_takes_tiles_of_twice_the_network_s_size_if_the_picture_is_larger(self):
        assert tile_boxes(150, 200, SIZE, "auto").tolist() == [[0, 0, 200, 150]]
        assert tile_boxes(150, 201, SIZE, "auto").tolist() == [
            [0, 0, 201, 150],
            [0, 0, 200, 150],
            [1, 0, 201, 150],
        ]
        boxes = tile_boxes(1000, 2000, SIZE, "auto")
        assert {tuple(box[2:] - box[:2]) for box in boxes[1:]} == {(200, 200)}

    def test_without_tiles_there_is_only_the_picture(self):
        assert tile_boxes(5000, 7000, SIZE, None).tolist() == [[0, 0, 7000, 5000]]

    def test_a_tiny_picture_has_tiles_with_pixels(self):
        boxes = tile_boxes(1, 2, SIZE, 16)
        assert ((boxes[:, 2:] - boxes[:, :2]) > 0).all()
