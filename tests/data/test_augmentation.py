import cv2
import numpy as np
import pytest

from keras_ssd.data import augmentation
from keras_ssd.data.augmentation import (
    MIN_CROP_OVERLAPS,
    PaperAugmentation,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    crop,
    distort,
    expand,
    flip,
    resize,
    sample_crop,
)

STEPS = ("distort", "expand", "crop", "resize", "flip")
NO_BOXES, NO_LABELS = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
ALL_OFF = PaperAugmentation(False, False, False, False, False)


def position_image(height, width):
    """Red tells the column, green the row; blue 255 tells image from canvas."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([columns, rows, np.full_like(rows, 255)], axis=-1).astype(np.uint8)


def noise_image(height=40, width=60):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixel(*rgb):
    return np.array([[rgb]], np.uint8)


def slow_iou(a, b):
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (areas - width * height)


def crop_to(region, monkeypatch, image, boxes):
    """Crops to a known region; the labels are the indices of the boxes."""
    monkeypatch.setattr(augmentation, "sample_crop", lambda *_: np.array(region))
    chosen = np.array([np.random.default_rng(seed).integers(7) for seed in range(20)])
    seed = int(np.argmax(chosen > 0))  # candidate 0 is the whole image
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    return crop(image, boxes, np.arange(len(boxes)), np.random.default_rng(seed))


def record_steps(monkeypatch, names=STEPS):
    calls = []

    def recorded(name, step):
        def call(*args):
            calls.append(name)
            return step(*args)

        return call

    for name in names:
        monkeypatch.setattr(augmentation, name, recorded(name, getattr(augmentation, name)))
    return calls


# Empty and degenerate input


def test_an_image_without_objects_passes_through_everything():
    for seed in range(30):
        image, boxes, labels = PaperAugmentation()(
            noise_image(), NO_BOXES, NO_LABELS, 32, np.random.default_rng(seed)
        )
        assert image.shape == (32, 32, 3)
        assert (boxes.shape, boxes.dtype) == ((0, 4), np.float32)
        assert (labels.shape, labels.dtype) == ((0,), np.int32)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (7, 1), (2, 2)])
def test_tiny_images_do_not_crash(size):
    boxes = np.array([[0.1, 0.1, 0.9, 0.9]])
    for seed in range(60):
        image, *_ = PaperAugmentation()(
            noise_image(*size), boxes, [0], 16, np.random.default_rng(seed)
        )
        assert image.shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("image", "boxes", "labels", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), NO_BOXES, NO_LABELS, r"image must be uint8 .* float32"),
        (np.zeros((4, 4), np.uint8), NO_BOXES, NO_LABELS, r"image must be .* \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), NO_BOXES, NO_LABELS, r"image must be .* \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), NO_BOXES, NO_LABELS, r"image must be .* \(0, 4, 3\)"),
        (np.zeros((4, 4, 3), np.uint8), np.zeros(4), NO_LABELS, r"boxes must be .* \(4,\)"),
        (np.zeros((4, 4, 3), np.uint8), np.ones((2, 4)), [1], r"labels must be \(2,\).* \(1,\)"),
    ],
)
def test_arguments_of_another_shape_are_named(image, boxes, labels, message):
    with pytest.raises(ValueError, match=message):
        PaperAugmentation()(image, boxes, labels, 8, np.random.default_rng(0))


def test_boxes_end_clipped_and_those_without_area_or_center_are_dropped():
    boxes = [
        [-0.2, 0.1, 0.5, 1.3],  # sticks out
        [0.5, 0.2, 0.5, 0.8],  # no width
        [1.1, 0.1, 1.5, 0.5],  # outside
        [0.9, 0.1, 1.3, 0.5],  # center outside
    ]
    _, boxes, labels = ALL_OFF(noise_image(), boxes, [4, 5, 6, 7], 16, np.random.default_rng(0))
    np.testing.assert_array_equal(boxes, np.array([[0, 0.1, 0.5, 1]], np.float32))
    np.testing.assert_array_equal(labels, [4])


# Distort


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


def test_saturation_and_hue_change_every_pixel_as_they_change_it_alone():
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
        monkeypatch.setattr(augmentation, name, recorder(name))
    rng = np.random.default_rng(0)
    for _ in range(3000):
        sequence.clear()
        distort(pixel(1, 2, 3), rng)
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
    results = [distort(image, np.random.default_rng(seed)) for seed in range(40)]
    np.testing.assert_array_equal(image, before)
    assert all(result.dtype == np.uint8 and result.shape == image.shape for result in results)
    assert len({result.tobytes() for result in results}) > 30  # 1 in 16 is left unchanged


# Expand


def test_expand_puts_the_untouched_image_on_the_mean_and_boxes_move_with_it():
    height, width = 30, 50
    image = position_image(height, width)
    box = np.array([[0.2, 0.1, 0.6, 0.9]], np.float32)  # pixels 10, 3, 30, 27
    ratios, shifts = [], []
    for seed in range(300):
        canvas, boxes = expand(image, box, np.random.default_rng(seed))
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


# Crop


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
    monkeypatch.setattr(augmentation, "_random_crops", lambda *_: np.array(crops))
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
            # How far inside the nearest edge the center lies, to a pixel.
            center = (whole[:2] + whole[2:]) / 2
            depth = min(*(center - limits[:2]), *(limits[2:] - center))
            if abs(depth) > 1:
                assert (label in labels) == (depth > 0)
        for box, label in zip(boxes, labels, strict=True):
            found = box * [crop_width, crop_height, crop_width, crop_height] + [left, top] * 2
            expected = np.clip(original[label] * sides, [left, top] * 2, np.tile(limits[2:], 2))
            np.testing.assert_allclose(found, expected, atol=2)
    assert 0 < lost_all < 100


# Resize and flip


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
    drawn = [resize(image, 24, rng).tobytes() for _ in range(1000)]
    assert set(drawn) == expected
    assert all(150 < drawn.count(result) < 250 for result in expected)


def test_flip_mirrors_pixels_and_boxes():
    image, boxes = flip(position_image(4, 10), np.array([[0.1, 0.2, 0.4, 0.6]], np.float32))
    np.testing.assert_array_equal(image[0, :, 0], range(9, -1, -1))
    np.testing.assert_array_equal(image[:, 0, 1], range(4))
    np.testing.assert_allclose(boxes, [[0.6, 0.2, 0.9, 0.6]], atol=1e-6)


@pytest.mark.parametrize("count", [0, 3])
def test_flip_is_its_own_inverse(count):
    boxes = np.random.default_rng(0).random((count, 4)).astype(np.float32)
    image, twice = flip(*flip(noise_image(), boxes))
    np.testing.assert_array_equal(image, noise_image())
    np.testing.assert_allclose(twice, boxes, atol=1e-7)
    assert (twice.shape, twice.dtype) == (boxes.shape, np.float32)


# The whole chain


def solid_objects():
    """A red, a green and a blue rectangle on black, labeled 5, 2 and 9."""
    image = np.zeros((480, 640, 3), np.uint8)
    image[40:200, 60:260, 0] = 255
    image[240:420, 80:200, 1] = 255
    image[120:400, 340:600, 2] = 255
    pixels = np.array([[60, 40, 260, 200], [80, 240, 200, 420], [340, 120, 600, 400]])
    return image, (pixels / [640, 480, 640, 480]).astype(np.float32), np.array([5, 2, 9])


def test_boxes_and_labels_stay_on_their_objects_through_the_whole_chain():
    channels, size = {5: 0, 2: 1, 9: 2}, 96
    augment = PaperAugmentation(distort=False)  # it would change the colors that tell them apart
    checked = 0
    for seed in range(100):
        image, boxes, labels = augment(*solid_objects(), size, np.random.default_rng(seed))
        assert boxes.min(initial=0) >= 0
        assert boxes.max(initial=1) <= 1
        for box, label in zip(boxes, labels, strict=True):
            rows, columns = np.nonzero(image[..., channels[label]] > 160)  # the mean is below
            if rows.size == 0:
                assert ((box[2:] - box[:2]) * size).min() < 2  # a sliver at the edge
                continue
            visible = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(box * size, visible, atol=2)
            checked += 1
    assert checked > 150


def test_steps_run_in_the_originals_order_expand_and_flip_half_of_the_time(monkeypatch):
    calls = record_steps(monkeypatch)
    counts = dict.fromkeys(STEPS, 0)
    for seed in range(100):
        calls.clear()
        PaperAugmentation()(*solid_objects(), 16, np.random.default_rng(seed))
        assert calls == [step for step in STEPS if step in calls]
        for step in calls:
            counts[step] += 1
    assert counts["distort"] == counts["crop"] == counts["resize"] == 100
    assert 35 <= counts["expand"] <= 65
    assert 35 <= counts["flip"] <= 65


@pytest.mark.parametrize(
    ("switch", "step"),
    [
        ("distort", "distort"),
        ("expand", "expand"),
        ("crop", "crop"),
        ("flip", "flip"),
        ("random_interpolation", "resize"),
    ],
)
def test_a_switch_turns_off_its_own_step_only(monkeypatch, switch, step):
    calls = record_steps(monkeypatch)
    for seed in range(20):
        PaperAugmentation(**{switch: False})(*solid_objects(), 16, np.random.default_rng(seed))
    assert set(calls) == set(STEPS) - {step}


def test_all_switches_off_is_a_plain_bilinear_resize():
    image, boxes, labels = solid_objects()
    resized, same_boxes, same_labels = ALL_OFF(image, boxes, labels, 96, np.random.default_rng(0))
    expected = cv2.resize(image, (96, 96), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(resized, expected)
    np.testing.assert_array_equal(same_boxes, boxes)
    np.testing.assert_array_equal(same_labels, labels)


def test_the_same_seed_gives_the_same_example_and_leaves_the_arguments_alone():
    image, boxes, labels = arguments = solid_objects()
    results = {}
    for seed in range(20):
        first, second = (
            PaperAugmentation()(image, boxes, labels, 48, np.random.default_rng(seed))
            for _ in range(2)
        )
        for once, again in zip(first, second, strict=True):
            np.testing.assert_array_equal(once, again)
        results[first[0].tobytes()] = seed
    assert len(results) == 20
    for argument, original in zip(arguments, solid_objects(), strict=True):
        np.testing.assert_array_equal(argument, original)


@pytest.mark.parametrize("augment", [PaperAugmentation(), ALL_OFF])
def test_the_result_is_contiguous_and_owns_its_pixels(augment):
    image = noise_image(32, 32)
    for seed in range(20):
        result, boxes, labels = augment(
            image, [[0.1, 0.1, 0.9, 0.9]], [3], 32, np.random.default_rng(seed)
        )
        assert result.flags["C_CONTIGUOUS"]
        assert not np.shares_memory(result, image)
        assert (result.dtype, boxes.dtype, labels.dtype) == (np.uint8, np.float32, np.int32)
