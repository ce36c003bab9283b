import cv2
import numpy as np
import pytest

from keras_ssd.data.augmentation_steps import expand, flip, resize_randomly


def position_image(height, width):
    """Red tells the column, green the row; blue 255 tells image from canvas."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.full_like(rows, 255)], axis=-1).astype(np.uint8)


def noise_image(height=40, width=60):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_expand_puts_the_untouched_image_on_the_mean_and_boxes_move_with_it():
    height, width = 30, 50
    image = position_image(height, width)
    box = np.array([[0.2, 0.1, 0.6, 0.9]], np.float32)  # pixels 10, 3, 30, 27
    ratios, shifts = [], []
    for seed in range(300):
        canvas, boxes, labels = expand(image, box, [7], np.random.default_rng(seed))
        assert labels == [7]
        rows, columns = np.nonzero(canvas[..., 2] == 255)
        top, left = rows.min(), columns.min()
        np.testing.assert_array_equal(canvas[top : top + height, left : left + width], image)
        is_canvas = np.ones(canvas.shape[:2], bool)
        is_canvas[top : top + height, left : left + width] = False
        assert (canvas[is_canvas] == (123, 117, 104)).all()

        canvas_height, canvas_width = canvas.shape[:2]
        pixels = boxes[0] * [canvas_width, canvas_height, canvas_width, canvas_height]
        expected = [left + 10, top + 3, left + 30, top + 27]
        np.testing.assert_allclose(pixels, expected, atol=1e-3)
        assert boxes.dtype == np.float32
        # Both sides are rounded down from one ratio.
        assert max(canvas_height / height, canvas_width / width) < min(
            (canvas_height + 1) / height, (canvas_width + 1) / width
        )
        ratios.append(canvas_width / width)
        shifts += [(left + 0.5) / (canvas_width - width + 1)]
    assert 1 <= min(ratios) < 1.1
    assert 3.9 < max(ratios) <= 4
    assert np.mean(ratios) == pytest.approx(2.5, abs=0.2)
    assert np.mean(shifts) == pytest.approx(0.5, abs=0.06)
    assert min(shifts) < 0.1 < 0.9 < max(shifts)


def test_resize_draws_each_of_five_interpolations():
    image = noise_image()
    expected = {
        cv2.resize(image, (24, 24), interpolation=interpolation).tobytes()
        for interpolation in (
            cv2.INTER_LINEAR,
            cv2.INTER_AREA,
            cv2.INTER_NEAREST,
            cv2.INTER_CUBIC,
            cv2.INTER_LANCZOS4,
        )
    }
    assert len(expected) == 5
    rng = np.random.default_rng(0)
    drawn = [resize_randomly(image, 24, rng).tobytes() for _ in range(1000)]
    assert set(drawn) == expected
    assert all(150 < drawn.count(result) < 250 for result in expected)


def test_flip_mirrors_pixels_and_boxes():
    boxes = np.array([[0.1, 0.2, 0.4, 0.6]], np.float32)
    image, boxes, labels = flip(position_image(4, 10), boxes, [7], rng=None)
    assert labels == [7]
    np.testing.assert_array_equal(image[0, :, 0], range(9, -1, -1))
    np.testing.assert_array_equal(image[:, 0, 1], range(4))
    np.testing.assert_allclose(boxes, [[0.6, 0.2, 0.9, 0.6]], atol=1e-6)


@pytest.mark.parametrize("count", [0, 3])
def test_flip_is_its_own_inverse(count):
    boxes = np.random.default_rng(0).random((count, 4)).astype(np.float32)
    once = flip(noise_image(), boxes, [], rng=None)
    image, twice, _ = flip(*once, rng=None)
    np.testing.assert_array_equal(image, noise_image())
    np.testing.assert_allclose(twice, boxes, atol=1e-7)
    assert (twice.shape, twice.dtype) == (boxes.shape, np.float32)
