"""Box arithmetic, against hand-made values and those of docs/ssd_facts.md section 3."""

import keras
import numpy as np
import pytest

from keras_ssd import geometry

VARIANCES = (0.1, 0.1, 0.2, 0.2)


def random_corners(count, rng, smallest=0.01):
    low = rng.uniform(0, 0.9, (count, 2))
    sides = rng.uniform(smallest, 1, (count, 2)) * (1 - low)
    return np.concatenate([low, low + sides], axis=-1)


def close(actual, expected, tolerance=1e-6):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


def test_no_boxes_give_no_boxes():
    none = np.zeros((0, 4), np.float32)
    one = np.array([[0, 0, 1, 1]], np.float32)
    for result in (
        geometry.centers_to_corners(none),
        geometry.corners_to_centers(none),
        geometry.clip(none),
        geometry.encode(none, none, VARIANCES),
        geometry.decode(none, none, VARIANCES),
    ):
        assert result.shape == (0, 4)
    assert geometry.area(none).shape == (0,)
    assert geometry.iou(none, one).shape == (0, 1)
    assert geometry.iou(one, none).shape == (1, 0)
    assert geometry.iou(none, none).shape == (0, 0)


def test_centers_and_corners_are_two_ways_to_write_a_box():
    centers = np.array([[0.5, 0.5, 0.2, 0.4], [0.0, 1.0, 1.0, 0.5]])
    corners = np.array([[0.4, 0.3, 0.6, 0.7], [-0.5, 0.75, 0.5, 1.25]])
    close(geometry.centers_to_corners(centers), corners)
    close(geometry.corners_to_centers(corners), centers)


def test_clip_cuts_to_the_image_and_leaves_what_is_inside():
    outside = np.array([[-0.5, 0.75, 0.5, 1.25], [0.1, 0.2, 0.3, 0.4], [1.2, -0.3, 1.5, -0.1]])
    close(geometry.clip(outside), [[0, 0.75, 0.5, 1], [0.1, 0.2, 0.3, 0.4], [1, 0, 1, 0]])


def test_area_is_width_times_height():
    close(geometry.area(np.array([[0.1, 0.2, 0.4, 0.6], [0.5, 0.5, 0.5, 0.9]])), [0.12, 0])


# IoU ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0.1, 0.1, 0.5, 0.5), (0.1, 0.1, 0.5, 0.5), 1),
        ((0.1, 0.1, 0.5, 0.5), (0.12, 0.1, 0.52, 0.5), 0.904762),
        ((0.1, 0.1, 0.5, 0.5), (0.3, 0.1, 0.7, 0.5), 1 / 3),
        ((0.1, 0.1, 0.5, 0.5), (0.25, 0.1, 0.65, 0.5), 0.454545),
        ((0.1, 0.1, 0.5, 0.5), (0.3, 0.3, 0.7, 0.7), 1 / 7),
        ((0, 0, 1, 1), (0.25, 0.25, 0.75, 0.75), 0.25),  # one inside the other
        ((0, 0, 0.5, 0.5), (0.5, 0, 1, 0.5), 0),  # side by side
        ((0, 0, 0.5, 0.5), (0.5, 0.5, 1, 1), 0),  # corner to corner
        ((0, 0, 0.2, 0.2), (0.6, 0.6, 0.9, 0.9), 0),  # apart on both axes
        ((-0.5, 0, 0.5, 1), (0, 0, 1, 1), 1 / 3),  # not clipped
    ],
)
def test_iou_of_two_boxes(a, b, expected):
    a, b = np.array([a], np.float32), np.array([b], np.float32)
    close(geometry.iou(a, b), [[expected]])
    close(geometry.iou(b, a), [[expected]])


def test_a_box_without_area_overlaps_nothing_itself_included():
    point = np.array([[0.5, 0.5, 0.5, 0.5]], np.float32)
    line = np.array([[0.2, 0.5, 0.8, 0.5]], np.float32)
    square = np.array([[0, 0, 1, 1]], np.float32)
    for flat in (point, line):
        for other in (point, line, square):
            assert geometry.iou(flat, other) == 0


def test_iou_of_many_boxes_agrees_with_a_loop():
    rng = np.random.default_rng(1)
    a, b = random_corners(17, rng, smallest=0.4), random_corners(23, rng, smallest=0.4)
    expected = np.zeros((17, 23))
    for i, (ax1, ay1, ax2, ay2) in enumerate(a):
        for j, (bx1, by1, bx2, by2) in enumerate(b):
            width = max(0.0, min(ax2, bx2) - max(ax1, bx1))
            height = max(0.0, min(ay2, by2) - max(ay1, by1))
            union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - width * height
            expected[i, j] = width * height / union
    assert 0.1 < (expected > 0).mean() < 0.9
    close(geometry.iou(a, b), expected, 1e-12)
    close(geometry.iou(a[None], b[None])[0], expected, 1e-12)  # a leading batch axis


# Offsets ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("default_box", "corners", "offsets"),
    [
        ((0.5, 0.5, 0.2, 0.4), (0.45, 0.30, 0.70, 0.75), (3.75, 0.625, 1.115718, 0.588915)),
        ((0.5, 0.5, 0.2, 0.4), (0.387860, 0.326254, 0.632140, 0.653746), (0.5, -0.25, 1, -1)),
        (
            (0.506667, 0.506667, 0.2, 0.2),
            (0.40, 0.42, 0.62, 0.66),
            (0.166667, 1.666667, 0.476551, 0.911608),
        ),
    ],
)
def test_golden_offsets(default_box, corners, offsets):
    default_box, corners, offsets = map(np.array, (default_box, corners, offsets))
    # the rounding of the golden numbers grows by 1 / (0.1 * 0.2)
    close(geometry.encode(corners, default_box, VARIANCES), offsets, 3e-5)
    close(geometry.decode(offsets, default_box, VARIANCES), corners, 1e-6)


def test_golden_overlap_with_a_default_box():
    default_box = geometry.centers_to_corners(np.array([[0.506667, 0.506667, 0.2, 0.2]]))
    close(geometry.iou(default_box, np.array([[0.40, 0.42, 0.62, 0.66]])), [[0.673077]], 3e-6)


def test_the_offsets_of_a_default_box_to_itself_are_zero():
    centers = np.array([[0.3, 0.4, 0.2, 0.1]])
    close(
        geometry.encode(geometry.centers_to_corners(centers), centers, VARIANCES), np.zeros((1, 4))
    )


def test_decode_is_the_inverse_of_encode():
    rng = np.random.default_rng(2)
    default_boxes = geometry.corners_to_centers(random_corners(500, rng, smallest=0.1))
    corners = random_corners(500, rng)
    offsets = geometry.encode(corners, default_boxes, VARIANCES)
    close(geometry.decode(offsets, default_boxes, VARIANCES), corners)


def test_other_variances_scale_the_offsets():
    corners, default_box = np.array([0.45, 0.30, 0.70, 0.75]), np.array([0.5, 0.5, 0.2, 0.4])
    offsets = geometry.encode(corners, default_box, (1.0, 0.1, 0.4, 0.2))
    close(offsets, [0.375, 0.625, 0.557859, 0.588915])


@pytest.mark.parametrize("xp", [np, keras.ops], ids=["numpy", "keras.ops"])
def test_huge_offsets_do_not_overflow(xp):
    offsets = xp.array([[1e4, -1e4, 1e4, -1e4]], "float32")
    default_box = xp.array([[0.5, 0.5, 0.2, 0.4]], "float32")
    decoded = keras.ops.convert_to_numpy(geometry.decode(offsets, default_box, VARIANCES, xp))
    # centre (0.5 + 1000 * 0.2, 0.5 - 1000 * 0.4), width 62.5 * 0.2, height 0
    close(decoded, [[200.5 - 6.25, -399.5, 200.5 + 6.25, -399.5]], 1e-3)


# Tensors ------------------------------------------------------------------------------------------

CALLS = {
    "centers_to_corners": lambda a, b, xp: geometry.centers_to_corners(b, xp),
    "corners_to_centers": lambda a, b, xp: geometry.corners_to_centers(a, xp),
    "clip": lambda a, b, xp: geometry.clip(2 * a - 0.5, xp),
    "area": lambda a, b, xp: geometry.area(a),
    "intersection": lambda a, b, xp: geometry.intersection(a, b[:3], xp),
    "iou": lambda a, b, xp: geometry.iou(a, b[:3], xp),
    "iou with no boxes": lambda a, b, xp: geometry.iou(a, b[:0], xp),
    "encode": lambda a, b, xp: geometry.encode(a, b, VARIANCES, xp),
    "decode": lambda a, b, xp: geometry.decode(a, b, VARIANCES, xp),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_tensors_give_the_float32_that_numpy_gives(call):
    import tensorflow as tf
    import tensorflow.experimental.numpy as tnp

    rng = np.random.default_rng(3)
    a, b = (random_corners(8, rng, smallest=0.2).astype(np.float32) for _ in range(2))
    expected = call(a, b, np)
    assert expected.dtype == np.float32

    on_keras = call(keras.ops.convert_to_tensor(a), keras.ops.convert_to_tensor(b), keras.ops)
    assert keras.backend.standardize_dtype(on_keras.dtype) == "float32"
    eager = call(tf.constant(a), tf.constant(b), tnp)
    graph = tf.function(lambda a, b: call(a, b, tnp))(tf.constant(a), tf.constant(b))
    assert eager.dtype == graph.dtype == tf.float32

    for actual in (keras.ops.convert_to_numpy(on_keras), eager.numpy(), graph.numpy()):
        assert actual.shape == expected.shape
        np.testing.assert_allclose(actual, expected, rtol=2e-6, atol=2e-6)
