import numpy as np
import pytest
import tensorflow as tf

from keras_ssd import geometry
from keras_ssd.config import SSD300_VOC, SSD_TINY_128
from keras_ssd.data.matching import encode_targets, match
from keras_ssd.default_boxes import default_boxes

VARIANCES = (0.1, 0.1, 0.2, 0.2)
NO_BOXES = np.zeros((0, 4), np.float32)
NO_LABELS = np.zeros(0, np.int32)


def in_tf_data(function, *arrays):
    """The same call inside tf.data, where the number of objects is unknown."""
    signature = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays)
    dataset = tf.data.Dataset.from_generator(lambda: [arrays], output_signature=signature)
    return next(iter(dataset.map(function)))


def match_both_ways(boxes, priors, iou_threshold=0.5):
    boxes, priors = np.array(boxes, np.float32), np.array(priors, np.float32)
    eager = match(boxes, priors, iou_threshold)
    assert eager.dtype == tf.int32
    mapped = in_tf_data(lambda boxes: match(boxes, priors, iou_threshold), boxes)
    np.testing.assert_array_equal(mapped, eager)
    return eager.numpy().tolist()


def slow_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / (areas - shared) if shared else 0.0


def slow_match(boxes, priors, iou_threshold):
    """Caffe's algorithm in plain loops (docs/ssd_facts.md section 4)."""
    matches = [-1] * len(priors)
    free = set(range(len(boxes)))
    while free:
        best = 1e-6, None, None
        for prior in range(len(priors)):
            for box in sorted(free):
                iou = slow_iou(boxes[box], priors[prior])
                if matches[prior] == -1 and iou > best[0]:
                    best = iou, prior, box
        if best[1] is None:
            break
        matches[best[1]] = best[2]
        free.remove(best[2])
    by_objects = list(matches)
    for prior in range(len(priors)):
        if by_objects[prior] == -1 and boxes:
            ious = [slow_iou(box, priors[prior]) for box in boxes]
            if max(ious) >= iou_threshold:
                matches[prior] = ious.index(max(ious))
    return matches


def random_boxes(rng, count, steps):
    """Boxes on a grid of `steps`, so that many coincide or tie; some have no area.

    A power of two makes every overlap exact.
    """
    first, second = rng.integers(0, steps + 1, (2, count, 2))
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.concatenate([low, high], axis=1) / steps


def test_without_objects_all_is_background():
    assert match_both_ways(NO_BOXES, [(0.1, 0.1, 0.5, 0.5), (0, 0, 1, 1)]) == [-1, -1]


def test_an_object_that_no_default_box_touches_stays_unmatched():
    assert match_both_ways([(0.8, 0.8, 0.9, 0.9)], [(0.1, 0.1, 0.5, 0.5)]) == [-1]
    assert match_both_ways([(0.5, 0.1, 0.9, 0.5)], [(0.1, 0.1, 0.5, 0.5)]) == [-1]


@pytest.mark.parametrize(
    "degenerate", [(0.3, 0.3, 0.3, 0.3), (0.3, 0.1, 0.3, 0.5), (0.1, 0.3, 0.5, 0.3)]
)
def test_an_object_without_area_matches_nothing(degenerate):
    priors = [(0.1, 0.1, 0.5, 0.5), (0.3, 0.3, 0.3, 0.3), (0.2, 0.2, 0.6, 0.6)]
    assert match_both_ways([degenerate], priors) == [-1, -1, -1]
    assert match_both_ways([degenerate, (0.1, 0.1, 0.5, 0.5)], priors) == [1, -1, -1]


def test_the_worked_example_matches_by_overlap():
    boxes = [(0.10, 0.10, 0.50, 0.50), (0.30, 0.30, 0.70, 0.70), (0.80, 0.80, 0.90, 0.90)]
    priors = [
        (0.10, 0.10, 0.50, 0.50),
        (0.12, 0.12, 0.48, 0.48),
        (0.20, 0.20, 0.60, 0.60),
        (0.34, 0.34, 0.74, 0.74),
        (0.70, 0.70, 0.95, 0.95),  # IoU .16: only because each object gets a box
        (0.00, 0.60, 0.30, 0.90),
        (0.10, 0.10, 0.45, 0.50),
    ]
    assert match_both_ways(boxes, priors) == [0, 0, -1, 1, 2, -1, 0]


def test_two_objects_sharing_a_best_box_both_get_one():
    boxes = [(0.10, 0.10, 0.50, 0.50), (0.14, 0.14, 0.54, 0.54)]
    priors = [(0.11, 0.11, 0.51, 0.51), (0.30, 0.30, 0.60, 0.60), (0.80, 0.80, 0.90, 0.90)]
    assert match_both_ways(boxes, priors) == [0, 1, -1]
    assert match_both_ways(boxes[::-1], priors) == [1, 0, -1]


def test_identical_objects_on_identical_default_boxes_pair_up_in_order():
    box = (0.25, 0.25, 0.75, 0.75)
    assert match_both_ways([box] * 3, [box] * 3) == [0, 1, 2]
    assert match_both_ways([box] * 3, [box] * 2) == [0, 1]
    assert match_both_ways([box] * 2, [box] * 4) == [0, 1, 0, 0]


def test_an_overlap_equal_to_the_threshold_matches():
    boxes = [(0, 0, 1, 1)]
    priors = [(0, 0, 1, 1), (0, 0, 0.5, 1), (0, 0, 0.4375, 1)]
    assert match_both_ways(boxes, priors) == [0, 0, -1]
    assert match_both_ways(boxes, priors, iou_threshold=0.4375) == [0, 0, 0]


@pytest.mark.parametrize("num_objects", [0, 1, 3, 8])
@pytest.mark.parametrize("num_priors", [1, 5, 40])
@pytest.mark.parametrize("steps", [4, 16])
def test_matching_equals_caffe_s_loops_with_all_their_ties(num_objects, num_priors, steps):
    rng = np.random.default_rng([num_objects, num_priors, steps])
    for _ in range(15):
        boxes = random_boxes(rng, num_objects, steps)
        priors = random_boxes(rng, num_priors, steps)
        for threshold in (0.5, 0.3):
            expected = slow_match(boxes.tolist(), priors.tolist(), threshold)
            found = match(boxes.astype(np.float32), priors.astype(np.float32), threshold)
            assert found.numpy().tolist() == expected


def test_many_random_objects_match_like_caffe_s_inside_tf_data():
    rng = np.random.default_rng(0)
    boxes = random_boxes(rng, 30, 8)
    priors = random_boxes(rng, 100, 8)
    assert match_both_ways(boxes, priors) == slow_match(boxes.tolist(), priors.tolist(), 0.5)


def encode_both_ways(boxes, labels, priors, variances=VARIANCES):
    boxes, labels = np.array(boxes, np.float32), np.array(labels, np.int32)
    priors = np.array(priors, np.float32)
    eager = encode_targets(boxes, labels, priors, variances)
    mapped = in_tf_data(
        lambda boxes, labels: encode_targets(boxes, labels, priors, variances), boxes, labels
    )
    assert set(eager) == set(mapped) == {"offsets", "classes"}
    for key in eager:
        np.testing.assert_allclose(mapped[key], eager[key], rtol=1e-6)
    assert eager["offsets"].dtype == tf.float32
    assert eager["classes"].dtype == tf.int32
    assert eager["offsets"].shape == (len(priors), 5)
    assert eager["classes"].shape == (len(priors),)
    return {key: value.numpy() for key, value in eager.items()}


def test_targets_without_objects_are_zero():
    targets = encode_both_ways(NO_BOXES, NO_LABELS, default_boxes(SSD_TINY_128))
    np.testing.assert_array_equal(targets["offsets"], np.zeros((1360, 5)))
    np.testing.assert_array_equal(targets["classes"], np.zeros(1360))


def test_targets_of_an_object_without_area_are_zero_not_nan():
    targets = encode_both_ways([(0.3, 0.3, 0.3, 0.7)], [2], default_boxes(SSD_TINY_128))
    np.testing.assert_array_equal(targets["offsets"], np.zeros((1360, 5)))
    np.testing.assert_array_equal(targets["classes"], np.zeros(1360))


def test_the_first_worked_example_encodes_as_caffe_does():
    targets = encode_both_ways([(0.45, 0.30, 0.70, 0.75)], [6], [(0.5, 0.5, 0.2, 0.4)])
    expected = [[3.75, 0.625, 1.115718, 0.588915, 1]]
    np.testing.assert_allclose(targets["offsets"], expected, atol=2e-6)
    np.testing.assert_array_equal(targets["classes"], [7])


def test_the_worked_example_of_ssd300_encodes_as_caffe_does():
    targets = encode_both_ways([(0.40, 0.42, 0.62, 0.66)], [11], default_boxes(SSD300_VOC))
    expected = [0.166667, 1.666667, 0.476551, 0.911608, 1]
    np.testing.assert_allclose(targets["offsets"][6856], expected, atol=5e-6)
    assert targets["classes"][6856] == 12


def test_targets_follow_the_threshold_of_the_matching():
    boxes, priors = np.float32([(0, 0, 1, 1)]), np.float32([(0.5, 0.5, 1, 1), (0.25, 0.5, 0.5, 1)])
    found = [
        encode_targets(boxes, np.int32([1]), priors, VARIANCES, iou_threshold)["classes"]
        for iou_threshold in (0.51, 0.5)  # the second default box is half of the object
    ]
    assert [classes.numpy().tolist() for classes in found] == [[2, 0], [2, 2]]


def test_matched_targets_decode_to_their_object_and_the_rest_is_background():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.6, (6, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.1, 0.4, (6, 2))], axis=1).astype(np.float32)
    labels = np.array([4, 0, 2, 4, 1, 3], np.int32)
    priors = default_boxes(SSD_TINY_128)
    targets = encode_both_ways(boxes, labels, priors)
    matches = match(boxes, geometry.centers_to_corners(priors)).numpy()
    matched = matches >= 0
    assert set(matches) == {-1, 0, 1, 2, 3, 4, 5}
    decoded = geometry.decode(targets["offsets"][:, :4], priors, np.array(VARIANCES))
    np.testing.assert_allclose(decoded[matched], boxes[matches[matched]], atol=1e-6)
    np.testing.assert_array_equal(targets["offsets"][:, 4], matched)
    np.testing.assert_array_equal(targets["classes"][matched], labels[matches[matched]] + 1)
    np.testing.assert_array_equal(targets["offsets"][~matched], 0)
    np.testing.assert_array_equal(targets["classes"][~matched], 0)


def test_the_configuration_s_variances_scale_the_targets():
    arguments = [(0.45, 0.30, 0.70, 0.75)], [0], [(0.5, 0.5, 0.2, 0.4)]
    unit = encode_both_ways(*arguments, variances=(1.0, 1.0, 1.0, 1.0))["offsets"][0, :4]
    scaled = encode_both_ways(*arguments, variances=(0.5, 0.25, 0.1, 2.0))["offsets"][0, :4]
    np.testing.assert_allclose(scaled, unit / [0.5, 0.25, 0.1, 2.0], rtol=1e-6)
