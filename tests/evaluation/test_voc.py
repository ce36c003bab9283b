import math
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample
from keras_ssd.evaluation import voc
from keras_ssd.results.detections import Detections

NAMES = ("cat", "dog")
SIZE = (375, 500)


def make_sample(id, boxes=(), labels=None, difficult=None, size=SIZE):
    """A sample of pixel boxes, of the first class and not difficult by default."""
    height, width = size
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return Sample(
        id=id,
        image=Path(f"{id}.jpg"),
        size=size,
        boxes=boxes / np.array([width, height, width, height], np.float32),
        labels=np.array([0] * len(boxes) if labels is None else labels, np.int32),
        difficult=np.array([False] * len(boxes) if difficult is None else difficult, bool),
    )


def make_detections(image, boxes=(), scores=(), labels=None, names=NAMES, size=SIZE):
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(
        image=image,
        size=size,
        boxes=boxes,
        labels=np.array([0] * len(boxes) if labels is None else labels, np.int32),
        scores=np.array(scores, np.float32),
        class_names=names,
    )


def evaluate_voc(detections, samples, class_names=NAMES, **options):
    return voc.evaluate_voc(detections, AnnotatedImages(samples, class_names), **options)


def evaluate_one(boxes, scores, objects, **sample_values):
    """The result of the first class on one image."""
    sample = make_sample("a", objects, **sample_values)
    return evaluate_voc([make_detections("a", boxes, scores)], [sample]).classes[0]


class TestNothing:
    def test_no_detections_score_zero(self):
        result = evaluate_voc([], [make_sample("a", [(0, 0, 9, 9)])])
        assert (result.map_11_point, result.map_area) == (0.0, 0.0)
        assert result.classes[0].num_objects == 1
        assert result.classes[0].num_detections == 0
        assert result.classes[0].recall.shape == result.classes[0].precision.shape == (0,)

    def test_detections_of_nothing_score_like_no_detections(self):
        sample = make_sample("a", [(0, 0, 9, 9)])
        assert evaluate_voc([make_detections("a")], [sample]).map_area == 0.0

    def test_no_objects_give_nan(self):
        result = evaluate_voc([make_detections("a")], [make_sample("a")])
        assert math.isnan(result.map_11_point)
        assert math.isnan(result.map_area)
        assert math.isnan(result.classes[0].ap_11_point)
        assert math.isnan(result.classes[0].ap_area)

    def test_detections_in_an_image_without_objects_are_false(self):
        samples = [make_sample("empty"), make_sample("full", [(0, 0, 9, 9)])]
        found = [
            make_detections("empty", [(0, 0, 9, 9)], [0.9]),
            make_detections("full", [(0, 0, 9, 9)], [0.8]),
        ]
        assert evaluate_voc(found, samples).classes[0].ap_area == 0.5

    def test_a_class_without_objects_is_left_out_of_the_mean(self):
        sample = make_sample("a", [(0, 0, 9, 9)])
        found = make_detections("a", [(0, 0, 9, 9), (50, 50, 90, 90)], [0.9, 0.8], labels=[0, 1])
        result = evaluate_voc([found], [sample])
        assert tuple(entry.name for entry in result.classes) == NAMES
        assert math.isnan(result.classes[1].ap_area)
        assert result.classes[1].num_detections == 1
        assert np.isnan(result.classes[1].recall).all()
        assert result.map_area == 1.0
        assert result.map_11_point == pytest.approx(1.0)

    def test_a_class_with_only_difficult_objects_is_left_out_of_the_mean(self):
        boxes = [(0, 0, 9, 9), (50, 50, 90, 90)]
        sample = make_sample("a", boxes, labels=[0, 1], difficult=[False, True])
        result = evaluate_voc([make_detections("a", boxes[:1], [0.9])], [sample])
        assert result.classes[1].num_objects == 0
        assert result.map_area == 1.0


class TestMatching:
    @pytest.mark.parametrize(
        ("box", "found", "expected"),
        [
            ((0, 0, 9, 9), (3, 0, 12, 9), 1.0),  # IoU 0.538, and 0.5 without the last pixel
            ((10, 10, 20, 20), (15, 10, 25, 20), 0.0),  # 0.375
            ((0, 0, 9, 9), (0, 0, 9, 4), 1.0),  # exactly 0.5, and 0.444 without the last pixel
            ((0, 0, 9, 9), (0, 0, 9, 3.99), 0.0),
        ],
    )
    def test_boxes_cover_their_last_pixel(self, box, found, expected):
        assert evaluate_one([found], [0.9], [box]).ap_area == expected

    def test_an_overlap_of_exactly_the_threshold_hits_in_images_of_any_size(self):
        # 10 x 10 against 10 x 5 pixels; the relative float32 coordinates are not exact.
        for size in [(h, w) for h in range(101, 501, 13) for w in range(97, 501, 17)]:
            sample = make_sample("a", [(41, 53, 50, 62)], size=size)
            found = make_detections("a", [(41, 53, 50, 57)], [0.9], size=size)
            assert evaluate_voc([found], [sample]).map_area == 1.0, size

    def test_the_threshold_can_be_raised(self):
        sample = make_sample("a", [(0, 0, 9, 9)])
        found = make_detections("a", [(0, 0, 9, 7)], [0.9])  # IoU 0.8
        assert evaluate_voc([found], [sample], iou_threshold=0.8).map_area == 1.0
        assert evaluate_voc([found], [sample], iou_threshold=0.81).map_area == 0.0

    def test_an_object_of_another_class_is_no_hit(self):
        sample = make_sample("a", [(0, 0, 9, 9), (50, 50, 90, 90)], labels=[0, 1])
        found = make_detections("a", [(0, 0, 9, 9)], [0.9], labels=[1])
        assert evaluate_voc([found], [sample]).map_area == 0.0

    def test_a_second_hit_of_an_object_is_false(self):
        result = evaluate_one([(0, 0, 9, 9)] * 2, [0.9, 0.8], [(0, 0, 9, 9), (50, 50, 90, 90)])
        np.testing.assert_array_equal(result.recall, [0.5, 0.5])
        np.testing.assert_array_equal(result.precision, [1.0, 0.5])

    def test_a_hit_does_not_fall_back_on_the_second_best_object(self):
        # Both detections overlap the first object most, and the second one enough.
        result = evaluate_one(
            [(0, 0, 99, 99), (0, 0, 99, 98)], [0.9, 0.8], [(0, 0, 99, 99), (0, 10, 99, 99)]
        )
        np.testing.assert_array_equal(result.precision, [1.0, 0.5])

    def test_the_better_score_takes_the_object_whatever_the_order(self):
        near, exact, far = (0, 0, 9, 8), (0, 0, 9, 9), (50, 50, 90, 90)
        result = evaluate_one([far, near, exact], [0.7, 0.8, 0.9], [(0, 0, 9, 9)])
        np.testing.assert_array_equal(result.recall, [1.0, 1.0, 1.0])
        np.testing.assert_allclose(result.precision, [1, 1 / 2, 1 / 3])


class TestDifficult:
    def test_difficult_objects_need_not_be_found(self):
        boxes = [(0, 0, 9, 9), (50, 50, 90, 90)]
        result = evaluate_one(boxes[:1], [0.9], boxes, difficult=[False, True])
        assert (result.num_objects, result.ap_area) == (1, 1.0)

    def test_hits_of_a_difficult_object_are_ignored_however_many(self):
        easy, hard = (0, 0, 9, 9), (50, 50, 90, 90)
        result = evaluate_one(
            [hard, hard, easy], [0.9, 0.8, 0.7], [easy, hard], difficult=[False, True]
        )
        assert result.num_detections == 3
        np.testing.assert_array_equal(result.recall, [1.0])
        np.testing.assert_array_equal(result.precision, [1.0])

    def test_a_detection_that_overlaps_a_difficult_object_most_is_ignored(self):
        # It overlaps the other object enough as well: IoU 0.9.
        result = evaluate_one(
            [(0, 0, 99, 99)],
            [0.9],
            [(0, 0, 99, 89), (0, 0, 99, 98)],
            difficult=[False, True],
        )
        assert result.ap_area == 0.0
        assert len(result.precision) == 0

    def test_a_miss_of_a_difficult_object_is_false(self):
        easy, hard = (0, 0, 9, 9), (50, 50, 90, 90)
        result = evaluate_one(
            [(80, 80, 120, 120), easy], [0.9, 0.8], [easy, hard], difficult=[False, True]
        )
        np.testing.assert_array_equal(result.precision, [0.0, 0.5])

    def test_the_fact_sheet_example_with_its_ignored_detection(self):
        objects = [(40 * i, 0, 40 * i + 20, 20) for i in range(7)]
        miss = (0, 200, 20, 220)
        # TP FP TP TP FP ignored TP FP
        ranked = [objects[0], miss, objects[1], objects[2], miss, objects[6], objects[3], miss]
        scores = np.linspace(0.9, 0.1, 8)
        result = evaluate_one(ranked, scores, objects, difficult=[False] * 6 + [True])
        np.testing.assert_allclose(result.recall, np.array([1, 1, 2, 3, 3, 4, 4]) / 6)
        assert result.ap_11_point == pytest.approx(0.515152, abs=1e-6)
        assert result.ap_area == pytest.approx(0.527778, abs=1e-6)


class TestRanking:
    def test_scores_are_ranked_over_all_images(self):
        samples = [make_sample(id, [(0, 0, 9, 9)]) for id in "ab"]
        found = [
            make_detections("a", [(0, 0, 9, 9), (50, 50, 90, 90)], [0.9, 0.7]),
            make_detections("b", [(50, 50, 90, 90), (0, 0, 9, 9)], [0.8, 0.6]),
        ]
        result = evaluate_voc(found, samples).classes[0]
        np.testing.assert_allclose(result.precision, [1, 1 / 2, 1 / 3, 1 / 2])

    def test_equal_scores_rank_in_the_order_of_the_samples(self):
        samples = [make_sample(id, [(0, 0, 9, 9)]) for id in "ab"]
        hit = make_detections("a", [(0, 0, 9, 9)] * 20, [0.5] * 20)
        miss = make_detections("b", [(50, 50, 90, 90)] * 20, [0.5] * 20)
        for found in ([hit, miss], [miss, hit]):
            assert evaluate_voc(found, samples).classes[0].ap_area == 0.5
            assert evaluate_voc(found, samples[::-1]).classes[0].ap_area == 0.5 / 21


class TestErrors:
    sample = make_sample("a", [(0, 0, 9, 9)])

    @pytest.mark.parametrize(
        ("detections", "samples", "names", "message"),
        [
            ([make_detections("b")], [sample], NAMES, "image 'b' is not one of the 1 image"),
            ([make_detections("a")] * 2, [sample], NAMES, "detections: image 'a' comes twice"),
            ([], [], NAMES, "data: there are no images"),
            ([], [make_sample("a")], (), "data: there are no class names"),
            ([make_detections("a")], [sample], ("dog", "cat"), r"'a' .* \('cat', 'dog'\), but"),
            ([make_detections("a", size=(10, 20))], [sample], NAMES, r"'a'.*\(10, 20\), but"),
        ],
    )
    def test_mismatched_arguments_are_named(self, detections, samples, names, message):
        with pytest.raises(ValueError, match=message):
            evaluate_voc(detections, samples, names)

    @pytest.mark.parametrize("threshold", [0, -0.5, 1.1, 50, math.nan])
    def test_an_impossible_threshold_is_refused(self, threshold):
        with pytest.raises(ValueError, match="iou_threshold must be above 0"):
            evaluate_voc([], [self.sample], iou_threshold=threshold)
