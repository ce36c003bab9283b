import numpy as np
import pytest

from keras_ssd.data import augmentation_steps
from keras_ssd.data.augmentation_steps import (
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    distort,
)

NO_BOXES, NO_LABELS = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)


def noise_image(height=40, width=60):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixel(*rgb):
    return np.array([[rgb]], np.uint8)


def test_brightness_shifts_and_saturates():
    image = pixel(3, 100, 250)
    np.testing.assert_array_equal(adjust_brightness(image, 10.4), pixel(13, 110, 255))
    np.testing.assert_array_equal(adjust_brightness(image, -20.6), pixel(0, 79, 229))


def test_contrast_multiplies_and_saturates():
    image = pixel(10, 101, 200)
    np.testing.assert_array_equal(adjust_contrast(image, 1.3), pixel(13, 131, 255))
    np.testing.assert_array_equal(adjust_contrast(image, 0.6), pixel(6, 61, 120))


@pytest.mark.parametrize(
    ("before", "factor", "after"),
    [
        ((200, 120, 120), 1.5, (200, 80, 80)),  # S = 102 -> 153; 200 (1 - 153/255) = 80
        ((200, 120, 120), 0.5, (200, 160, 160)),  # S = 102 -> 51
        ((200, 20, 20), 1.5, (200, 0, 0)),  # S = 230 -> 344, stops at 255
        ((90, 90, 90), 1.5, (90, 90, 90)),
    ],
)
def test_saturation_multiplies_s_and_saturates(before, factor, after):
    np.testing.assert_array_equal(adjust_saturation(pixel(*before), factor), pixel(*after))


@pytest.mark.parametrize(
    ("before", "shift", "after"),
    [
        ((0, 255, 0), 18, (0, 255, 153)),  # 120 degrees -> 156: a step is 2 degrees
        ((0, 255, 0), -18, (153, 255, 0)),  # -> 84 degrees
        ((255, 85, 0), -15, (255, 0, 0)),  # H = 10 stops at 0 and does not wrap to 175
        ((255, 0, 51), 10, (255, 34, 0)),  # H = 174 -> 184 wraps to 4, that is 8 degrees
        ((90, 90, 90), 18, (90, 90, 90)),
    ],
)
def test_hue_stops_at_zero_and_wraps_above_180(before, shift, after):
    np.testing.assert_array_equal(adjust_hue(pixel(*before), shift), pixel(*after))


def test_saturation_and_hue_change_each_pixel_independently_of_the_others():
    image = noise_image(5, 6)
    for adjust, amount in ((adjust_saturation, 1.4), (adjust_hue, -9.0)):
        together = adjust(image, amount)
        for row in range(5):
            for column in range(6):
                alone = adjust(
                    np.ascontiguousarray(image[row : row + 1, column : column + 1]), amount
                )
                np.testing.assert_array_equal(together[row, column], alone[0, 0])


def test_distort_draws_both_orders_and_each_adjustment_half_of_the_time(monkeypatch):
    limits = {
        "adjust_brightness": (-32, 32),
        "adjust_contrast": (0.5, 1.5),
        "adjust_saturation": (0.5, 1.5),
        "adjust_hue": (-18, 18),
    }
    amounts, sequences, sequence = {name: [] for name in limits}, [], []

    def recorder(name):
        def adjust(image, amount):
            amounts[name].append(amount)
            sequence.append(name)
            return image

        return adjust

    for name in limits:
        monkeypatch.setattr(augmentation_steps, name, recorder(name))
    rng = np.random.default_rng(0)
    for _ in range(3000):
        sequence.clear()
        distort(pixel(1, 2, 3), NO_BOXES, NO_LABELS, rng)
        sequences.append(tuple(sequence))

    for name, (low, high) in limits.items():
        drawn, margin = amounts[name], (high - low) / 100
        assert 1400 < len(drawn) < 1600  # 1500 +- 3.6 standard deviations
        assert low <= min(drawn) < low + margin
        assert high - margin < max(drawn) <= high
    complete = [steps for steps in sequences if len(steps) == 4]
    brightness, contrast, saturation, hue = limits
    contrast_early = (brightness, contrast, saturation, hue)
    contrast_late = (brightness, saturation, hue, contrast)
    assert set(complete) == {contrast_early, contrast_late}
    assert 0.35 < complete.count(contrast_early) / len(complete) < 0.65


def test_distort_leaves_its_argument_alone_and_keeps_uint8():
    image = noise_image()
    before = image.copy()
    boxes, labels = np.float32([[0.1, 0.2, 0.3, 0.4]]), np.int32([7])
    drawn = [distort(image, boxes, labels, np.random.default_rng(seed)) for seed in range(40)]
    assert all(example[1] is boxes and example[2] is labels for example in drawn)
    results = [example[0] for example in drawn]
    np.testing.assert_array_equal(image, before)
    assert all(result.dtype == np.uint8 and result.shape == image.shape for result in results)
    assert len({result.tobytes() for result in results}) > 30  # 1 in 16 is left unchanged
