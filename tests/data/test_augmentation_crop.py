import numpy as np
import pytest

from keras_ssd.data import augmentation_steps
from keras_ssd.data.augmentation_steps import MIN_CROP_OVERLAPS, crop, sample_crop

NO_BOXES, NO_LABELS = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)


def position_image(height, width):
    """Red tells the column, green the row; blue 255 tells image from canvas."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.full_like(rows, 255)], axis=-1).astype(np.uint8)


def noise_image(height=40, width=60):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def slow_iou(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (areas - width * height)


def crop_to(region, monkeypatch, image, boxes):
    """Crops to a known region; the labels are the indices of the boxes."""
    monkeypatch.setattr(augmentation_steps, "sample_crop", lambda *_: np.array(region))
    chosen = np.array([np.random.default_rng(seed).integers(7) for seed in range(20)])
    seed = int(np.argmax(chosen > 0))  # candidate 0 is the whole image
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return crop(image, boxes, np.arange(len(boxes)), np.random.default_rng(seed))


@pytest.mark.parametrize("min_iou", MIN_CROP_OVERLAPS)
def test_each_sampler_finds_crops_that_respect_its_overlap(min_iou):
    boxes = np.array([[0.05, 0.05, 0.95, 0.9], [0.6, 0.6, 0.7, 0.7]], np.float32)
    rng = np.random.default_rng(1)
    drawn = [sample_crop(boxes, min_iou, rng) for _ in range(150)]
    found = [found for found in drawn if found is not None]
    assert len(found) > 15
    best = [max(slow_iou(found, box) for box in boxes) for found in found]
    assert min_iou <= min(best) < min_iou + 0.12
    assert all(found.min() >= 0 and found.max() <= 1 for found in found)


def test_the_samplers_are_the_originals():
    assert sorted(MIN_CROP_OVERLAPS) == [0.0, 0.1, 0.3, 0.5, 0.7, 0.9]


def test_no_crop_is_found_for_an_object_too_small_to_overlap():
    box = np.array([[0.50, 0.50, 0.51, 0.51]], np.float32)
    rng = np.random.default_rng(0)
    assert all(sample_crop(box, min_iou, rng) is None for min_iou in (0.1, 0.3, 0.5, 0.7, 0.9))
    assert sample_crop(box, 0.0, rng) is not None
    assert sample_crop(NO_BOXES, 0.0, rng) is None


def test_the_first_crop_that_overlaps_any_one_object_is_taken(monkeypatch):
    crops = [[0.0, 0.0, 0.3, 0.3], [0.6, 0.6, 1.0, 1.0], [0.6, 0.6, 0.9, 0.9]]
    monkeypatch.setattr(augmentation_steps, "_random_crops", lambda *_: np.array(crops))
    boxes = np.array([[0.3, 0.0, 0.6, 0.3], [0.6, 0.6, 0.9, 0.9]], np.float32)
    # IoU with the second object: 0, 0.5625 and 1.
    np.testing.assert_array_equal(sample_crop(boxes, 0.5, None), crops[1])
    np.testing.assert_array_equal(sample_crop(boxes, 0.7, None), crops[2])


def test_crops_have_the_originals_distribution_of_scale_and_shape():
    box = np.array([[0.0, 0.0, 1.0, 1.0]], np.float32)
    rng = np.random.default_rng(0)
    crops = np.array([sample_crop(box, 0.0, rng) for _ in range(4000)])  # the first trial of each
    width, height = (crops[:, 2:] - crops[:, :2]).T
    scale, ratio = np.sqrt(width * height), width / height
    assert 0.3 <= scale.min() < 0.31
    assert 0.99 < scale.max() <= 1 + 1e-9
    np.testing.assert_allclose(
        np.quantile(scale, [0.25, 0.5, 0.75]), [0.475, 0.65, 0.825], atol=0.02
    )
    assert 0.5 - 1e-9 <= ratio.min() < 0.51
    assert 1.99 < ratio.max() <= 2 + 1e-9
    # The ratio is drawn from [0.5, 2], then clamped to [s^2, 1/s^2], so full width is frequent:
    # the integral over s of (2 - 1/s^2) / 1.5 / 0.7 is 0.163, that of (s^2 - 0.5) is 0.066.
    assert np.mean(width > 1 - 1e-9) == pytest.approx(0.163, abs=0.02)
    assert np.mean(height > 1 - 1e-9) == pytest.approx(0.066, abs=0.015)
    position = crops[width < 0.99, 0] / (1 - width[width < 0.99])
    np.testing.assert_allclose(
        np.quantile(position, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03
    )


@pytest.mark.parametrize(
    ("box", "least", "most"),
    [
        ([0.0, 0.0, 1.0, 1.0], 1 / 7 - 0.03, 1 / 7 + 0.03),  # (nearly) all samplers succeed
        ([0.50, 0.50, 0.51, 0.51], 0.46, 0.54),  # only the one without a constraint does
    ],
)
def test_the_whole_image_is_one_of_the_equally_likely_candidates(box, least, most):
    image, box = position_image(100, 100), np.array([box], np.float32)
    rng = np.random.default_rng(0)
    whole = [crop(image, box, np.array([0]), rng)[0].shape == image.shape for _ in range(1500)]
    assert least < np.mean(whole) < most


def test_an_image_without_objects_is_never_cropped():
    image = noise_image()
    for seed in range(30):
        cropped, *_ = crop(image, NO_BOXES, NO_LABELS, np.random.default_rng(seed))
        np.testing.assert_array_equal(cropped, image)


def test_objects_stay_if_their_center_is_in_the_crop_or_on_its_edge(monkeypatch):
    boxes = [
        [0.30, 0.30, 0.50, 0.50],
        [0.00, 0.30, 0.50, 0.50],  # center on the left edge
        [0.00, 0.30, 0.40, 0.70],  # overlaps, but its center (0.2, 0.5) is outside
        [0.50, 0.50, 1.00, 1.00],  # center on the lower right corner
        [0.50, 0.30, 0.50, 0.60],  # without width
        [0.30, 0.60, 0.50, 0.95],  # center (0.4, 0.775), below
    ]
    region = [0.25, 0.25, 0.75, 0.75]
    _, kept, labels = crop_to(region, monkeypatch, position_image(8, 8), boxes)
    np.testing.assert_array_equal(labels, [0, 1, 3])
    expected = [[0.1, 0.1, 0.5, 0.5], [0.0, 0.1, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]]
    np.testing.assert_allclose(kept, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("region", "rows", "columns"),
    [
        ([0.25, 0.25, 0.75, 0.75], range(2, 7), range(2, 7)),  # starts 2.5, sizes 5
        ([0.19, 0.00, 0.78, 1.00], range(10), range(1, 6)),  # columns from 1.9, 5.9 of them
        ([0.00, 0.19, 1.00, 0.78], range(1, 6), range(10)),
        ([0.62, 0.40, 0.68, 0.49], range(4, 5), range(6, 7)),  # never less than a pixel
    ],
)
def test_pixel_offsets_and_sizes_of_a_crop_are_rounded_down(monkeypatch, region, rows, columns):
    image = position_image(10, 10)
    cropped, *_ = crop_to(region, monkeypatch, image, [])
    np.testing.assert_array_equal(
        cropped, image[rows.start : rows.stop, columns.start : columns.stop]
    )


def test_random_crops_keep_boxes_on_their_objects_and_may_lose_them_all():
    height, width = 200, 250
    image = position_image(height, width)
    original = np.array([[0.1, 0.1, 0.5, 0.6], [0.6, 0.5, 0.9, 0.95], [0.48, 0.48, 0.5, 0.5]])
    sides = np.array([width, height, width, height])
    lost_all = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        cropped, boxes, labels = crop(image, original.astype(np.float32), np.arange(3), rng)
        lost_all += len(labels) == 0
        left, top = cropped[0, 0, :2].astype(int)
        crop_height, crop_width = cropped.shape[:2]
        np.testing.assert_array_equal(
            cropped, image[top : top + crop_height, left : left + crop_width]
        )
        limits = np.array([left, top, left + crop_width, top + crop_height])
        for label in range(3):
            whole = original[label] * sides
            # The distance from the center to the nearest edge, to a pixel; negative if outside.
            center = (whole[:2] + whole[2:]) / 2
            depth = min(*(center - limits[:2]), *(limits[2:] - center))
            if abs(depth) > 1:
                assert (label in labels) == (depth > 0)
        for box, label in zip(boxes, labels, strict=True):
            found = box * [crop_width, crop_height, crop_width, crop_height] + [left, top] * 2
            expected = np.clip(original[label] * sides, [left, top] * 2, np.tile(limits[2:], 2))
            np.testing.assert_allclose(found, expected, atol=2)
    assert 0 < lost_all < 100
