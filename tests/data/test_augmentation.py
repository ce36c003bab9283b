import cv2
import numpy as np
import pytest

from keras_ssd.data import augmentation
from keras_ssd.data.augmentation import PaperAugmentation

STEPS = ("distort", "expand", "crop", "resize", "flip")
NO_BOXES, NO_LABELS = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
ALL_OFF = PaperAugmentation(False, False, False, False, False)


def noise_image(height=40, width=60):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


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


def test_a_large_photo_is_shrunk_before_it_is_expanded(monkeypatch):
    sizes = []

    def record(image, boxes, rng):
        sizes.append(image.shape)
        return image, boxes

    monkeypatch.setattr(augmentation, "expand", record)
    for seed in range(20):
        PaperAugmentation()(
            noise_image(90, 200), NO_BOXES, NO_LABELS, 32, np.random.default_rng(seed)
        )
    assert set(sizes) == {(58, 128, 3)}


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
