"""The changes of color in one step against the NumPy chain."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_ssd.data.augmentation_steps import distort
from keras_ssd.data.tf_colors import Colors, apply_colors, draw_colors
from keras_ssd.data.tf_draws import draw

COUNT = 300


@pytest.fixture(scope="module")
def draws():
    return draw(1, tf.constant(0, tf.int64), COUNT)


def both(draws, pixels, replayed):
    """Yields the draws of each example, the chain's pixels and those of the one step."""
    colors = draw_colors(draws)
    for number in range(COUNT):
        rng = replayed(draws, number)
        expected, *_ = distort(pixels, None, None, rng)
        found = apply_colors(
            tf.cast(pixels, tf.float32), Colors(*(part[number] for part in colors))
        )
        changed = draws.color_on[number].numpy() < 0.5
        yield changed, expected.astype(int), found.numpy().astype(int)


def test_gray_changes_as_in_the_chain(draws, replayed):
    gray = np.repeat(np.arange(32, 224, dtype=np.uint8)[:, None, None], 3, axis=2)
    for _, expected, found in both(draws, gray, replayed):
        assert np.abs(expected - found).max() <= 1  # the chain rounds after each change


def natural_pixels():
    """Colors as in photos: most are pale."""
    rng = np.random.default_rng(0)
    hsv = np.stack(
        [rng.integers(0, 180, 4000), 255 * rng.beta(1.2, 3, 4000), rng.integers(20, 256, 4000)], 1
    )
    return cv2.cvtColor(hsv.astype(np.uint8)[None], cv2.COLOR_HSV2RGB)


def test_without_a_change_of_hue_colors_are_those_of_the_chain(draws, replayed):
    pixels = natural_pixels()
    for changed, expected, found in both(draws, pixels, replayed):
        if changed[3]:
            continue
        error = np.abs(expected - found).max(axis=2)
        assert np.quantile(error, 0.75) <= 2  # HSV of 8 bits rounds hue and saturation
        assert error.mean() < 5  # a chain that saturates on the way differs more


def test_with_a_change_of_hue_colors_are_near_those_of_the_chain(draws, replayed):
    pixels = natural_pixels()
    errors = [
        np.abs(expected - found).mean()
        for changed, expected, found in both(draws, pixels, replayed)
        if changed[3]
    ]
    assert len(errors) > 100
    assert np.mean(errors) < 4.5
    assert np.max(errors) < 9


def test_nothing_changes_where_no_change_was_drawn(draws, replayed):
    pixels = natural_pixels()
    unchanged = [found for changed, _, found in both(draws, pixels, replayed) if not changed.any()]
    assert unchanged
    for found in unchanged:
        np.testing.assert_array_equal(found, pixels)


def test_saturation_zero_and_hue_keep_gray_gray():
    gray = tf.fill((2, 2, 3), 77.0)
    colors = draw_colors(draw(9, tf.constant(0, tf.int64), 50))
    for number in range(50):
        found = apply_colors(gray, Colors(*(part[number] for part in colors))).numpy()
        assert np.ptp(found.astype(int)) <= 1
