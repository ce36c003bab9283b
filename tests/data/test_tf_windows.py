"""The windows and boxes of the TensorFlow augmentation against the NumPy chain."""

import numpy as np
import pytest
import tensorflow as tf

from keras_ssd.data.augmentation import PaperAugmentation
from keras_ssd.data.augmentation_steps import Sometimes, crop, distort, expand
from keras_ssd.data.tf_draws import NUM_DRAWS, draw
from keras_ssd.data.tf_windows import draw_windows, whole_images

NUM_EXAMPLES, MOST_BOXES = 400, 6


def draw_without_distorting(image, boxes, labels, rng):
    distort(image, boxes, labels, rng)
    return image, boxes, labels


@pytest.fixture(scope="module")
def examples():
    """Sizes, boxes and labels of made-up images, every seventh of them without objects."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 250, (NUM_EXAMPLES, 2)).astype(np.int32)
    corners = np.sort(rng.random((NUM_EXAMPLES, MOST_BOXES, 2, 2), np.float32), axis=2)
    boxes = corners.reshape(NUM_EXAMPLES, MOST_BOXES, 4)
    counts = rng.integers(1, MOST_BOXES + 1, NUM_EXAMPLES) * (np.arange(NUM_EXAMPLES) % 7 > 0)
    is_box = np.arange(MOST_BOXES) < counts[:, None]
    return sizes, np.where(is_box[..., None], boxes, 0), is_box


@pytest.fixture(scope="module")
def draws():
    return draw(5, tf.constant(1000, tf.int64), NUM_EXAMPLES)


def position_image(height, width):
    """Red tells the column, green the row; blue 255 tells the image from the canvas."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.full_like(rows, 255)], axis=-1).astype(np.uint8)


def test_the_same_draws_give_the_windows_and_boxes_of_the_numpy_chain(examples, draws, replayed):
    sizes, boxes, is_box = examples
    windows = draw_windows(draws, *map(tf.constant, (boxes, is_box, sizes)))
    located = expanded = cropped = flipped = lost = 0
    for number in range(NUM_EXAMPLES):
        seen = []

        def look(image, size, rng, seen=seen):
            rng.integers(5)
            seen.append(image)
            return np.zeros((size, size, 3), np.uint8)

        chain = PaperAugmentation(
            before_resize=(draw_without_distorting, Sometimes(expand), crop), resize=look
        )
        rng = replayed(draws, number)
        labels = np.flatnonzero(is_box[number])
        image = position_image(*sizes[number])
        _, expected, expected_labels = chain(image, boxes[number][labels], labels, 64, rng)
        assert rng.is_used_up()

        kept = windows.kept[number].numpy()
        np.testing.assert_array_equal(np.flatnonzero(kept), expected_labels)
        np.testing.assert_allclose(windows.boxes[number].numpy()[kept], expected, atol=1e-7)
        np.testing.assert_array_equal(windows.size[number], seen[0].shape[:2])
        rows, columns = np.nonzero(seen[0][..., 2] == 255)
        if len(rows):
            column, row, _ = seen[0][rows[0], columns[0]].astype(int)
            np.testing.assert_array_equal(
                windows.corner[number], [row - rows[0], column - columns[0]]
            )
            located += 1
        expanded += bool((seen[0][..., 2] != 255).any())
        cropped += seen[0].size < image.size
        flipped += bool(windows.flipped[number])
        lost += len(labels) > len(expected_labels)
    assert located > 350
    assert min(expanded, cropped, flipped, lost) > 80


def test_without_expansion_a_window_is_within_its_image(examples, draws):
    sizes, boxes, is_box = examples
    windows = draw_windows(draws, *map(tf.constant, (boxes, is_box, sizes)), expand=False)
    corner, size = windows.corner.numpy(), windows.size.numpy()
    assert corner.min() == 0
    assert size.min() >= 1
    assert (corner + size <= sizes).all()


def test_whole_images_change_nothing(examples):
    sizes, boxes, is_box = map(tf.constant, examples)
    windows = whole_images(boxes, is_box, sizes)
    assert not windows.corner.numpy().any()
    assert not windows.flipped.numpy().any()
    np.testing.assert_array_equal(windows.size, sizes)
    np.testing.assert_array_equal(windows.boxes, boxes)
    np.testing.assert_array_equal(windows.kept, is_box)


def test_the_draws_of_an_example_depend_on_the_seed_and_its_position_only():
    together = draw(3, tf.constant(40, tf.int64), 8)
    for first, count in [(40, 1), (43, 2), (47, 1)]:
        apart = draw(3, tf.constant(first, tf.int64), count)
        for one, other in zip(together, apart, strict=True):
            np.testing.assert_array_equal(one[first - 40 : first - 40 + count], other)
    for seed, first in [(4, 40), (3, 41), (-3, 40), (3 + 2**32, 40)]:
        other = draw(seed, tf.constant(first, tf.int64), 8)
        assert not np.isin(other.candidate[0], together.candidate[0])


def test_draws_are_uniform_and_no_two_are_the_same_number():
    draws = draw(0, tf.constant(0, tf.int64), 64)
    values = np.concatenate([np.asarray(part).reshape(64, -1) for part in draws], axis=1)
    assert values.shape == (64, NUM_DRAWS - 1)
    assert 0 <= values.min() < 0.001
    assert 0.999 < values.max() < 1
    np.testing.assert_allclose(np.quantile(values, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.01)
    means = values.mean(axis=0)  # each has a standard deviation of 0.289 / 8
    assert np.abs(means - 0.5).max() < 5 * 0.289 / 8
    assert np.abs(np.corrcoef(values[:, :20].T) - np.eye(20)).max() < 0.6
