import dataclasses

import cv2
import numpy as np
import pytest

from keras_ssd.data.augmentation import Augmentation, PaperAugmentation
from keras_ssd.data.augmentation_steps import (
    Sometimes,
    crop,
    distort,
    expand,
    flip,
    resize_randomly,
)
from keras_ssd.geometry import clip

NO_BOXES, NO_LABELS = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
ONLY_RESIZE = Augmentation()


def noise_image(height=40, width=60):
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


# Empty and degenerate input


def test_an_image_without_objects_passes_through_everything():
    for seed in range(30):
        image, boxes, labels = PaperAugmentation()(
            noise_image(), NO_BOXES, NO_LABELS, 32, np.random.default_rng(seed)
        )
        assert image.shape == (32, 32, 3)
        assert (boxes.shape, boxes.dtype) == ((0, 4), np.float32)
        assert (labels.shape, labels.dtype) == ((0,), np.int32)


@pytest.mark.parametrize(("shape", "shrunk"), [((90, 200), (58, 128)), ((90, 120), (90, 120))])
def test_a_large_photo_is_shrunk_before_the_first_step(shape, shrunk):
    seen = []

    def look(image, boxes, labels, rng):
        seen.append(image.shape[:2])
        return image, boxes, labels

    Augmentation(before_resize=(look,))(noise_image(*shape), NO_BOXES, NO_LABELS, 32, None)
    assert seen == [shrunk]


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
        (
            np.zeros((4, 4, 3), np.float32),
            NO_BOXES,
            NO_LABELS,
            r"image: expected an RGB uint8 .* float32",
        ),
        (np.zeros((4, 4), np.uint8), NO_BOXES, NO_LABELS, r"image: expected .* \(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), NO_BOXES, NO_LABELS, r"image: expected .* \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), NO_BOXES, NO_LABELS, r"image: expected .* \(0, 4, 3\)"),
        (
            np.zeros((4, 4, 3), np.uint8),
            np.zeros(4),
            NO_LABELS,
            r"boxes: expected \(M, 4\), not \(4,\)",
        ),
        (np.zeros((4, 4, 3), np.uint8), np.ones((2, 4)), [1], r"labels: expected \(2,\).* \(1,\)"),
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
    _, boxes, labels = ONLY_RESIZE(noise_image(), boxes, [4, 5, 6, 7], 16, np.random.default_rng(0))
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
    # Distorting would change the colors that tell the objects apart.
    augment = PaperAugmentation(before_resize=(Sometimes(expand), crop))
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


def paper_chain(image, boxes, labels, size, rng):
    """The original's order, with the draws that decide on each step, written out."""
    image, boxes, labels = distort(image, boxes, labels, rng)
    if rng.random() < 0.5:
        image, boxes, labels = expand(image, boxes, labels, rng)
    image, boxes, labels = crop(image, boxes, labels, rng)
    image = resize_randomly(image, size, rng)
    if rng.random() < 0.5:
        image, boxes, labels = flip(image, boxes, labels, rng)
    return image, clip(boxes), labels


def test_the_papers_chain_is_distort_expand_crop_resize_flip_to_the_bit():
    expanded = 0
    for seed in range(100):
        rng, reference_rng = (np.random.default_rng(seed) for _ in range(2))
        found = PaperAugmentation()(*solid_objects(), 160, rng)
        expected = paper_chain(*solid_objects(), 160, reference_rng)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
        assert rng.random() == reference_rng.random()
        expanded += (found[0] == (123, 117, 104)).all(axis=2).any()
    assert 20 <= expanded <= 65


def test_only_a_resize_is_bilinear_and_draws_nothing():
    image, boxes, labels = solid_objects()
    resized, same_boxes, same_labels = ONLY_RESIZE(image, boxes, labels, 96, None)
    expected = cv2.resize(image, (96, 96), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(resized, expected)
    np.testing.assert_array_equal(same_boxes, boxes)
    np.testing.assert_array_equal(same_labels, labels)


# Steps of a user's own


def blank(image, boxes, labels, rng):
    return np.full_like(image, 9), boxes, labels


def test_a_step_of_ones_own_can_be_put_anywhere():
    paper = PaperAugmentation()
    last = dataclasses.replace(paper, after_resize=(*paper.after_resize, blank))
    first = Augmentation(before_resize=(blank, expand))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        assert (last(*solid_objects(), 16, rng)[0] == 9).all()
        image = first(*solid_objects(), 64, rng)[0]
        assert (image == 9).all(axis=2).any()
        assert (image == (123, 117, 104)).all(axis=2).any()


def test_what_a_step_returns_is_checked():
    def lose_a_label(image, boxes, labels, rng):
        return image, boxes, labels[1:]

    with pytest.raises(ValueError, match=r"labels: expected \(3,\), one per box, not \(2,\)"):
        Augmentation(after_resize=(lose_a_label,))(*solid_objects(), 16, None)


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_sometimes_runs_its_step_as_often_as_it_says(probability):
    rng, step = np.random.default_rng(0), Sometimes(blank, probability)
    image = np.zeros((1, 1, 3), np.uint8)
    share = np.mean([step(image, NO_BOXES, NO_LABELS, rng)[0][0, 0, 0] == 9 for _ in range(1000)])
    assert share == pytest.approx(probability, abs=0.05 * (0 < probability < 1))


class Steps:
    """A callable without a name and without a repr of its own."""

    def __call__(self, image, boxes, labels, rng):
        return image, boxes, labels


def test_the_repr_names_the_steps_without_addresses():
    assert repr(PaperAugmentation()) == (
        "PaperAugmentation(distort, sometimes expand, crop, resize_randomly, sometimes flip)"
    )
    own = Augmentation(after_resize=(blank, Sometimes(Steps(), 0.1)))
    assert repr(own) == "Augmentation(resize, blank, with probability 0.1 Steps)"


# Every chain


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


@pytest.mark.parametrize("augment", [PaperAugmentation(), ONLY_RESIZE])
def test_the_result_is_contiguous_and_owns_its_pixels(augment):
    image = noise_image(32, 32)
    for seed in range(20):
        result, boxes, labels = augment(
            image, [[0.1, 0.1, 0.9, 0.9]], [3], 32, np.random.default_rng(seed)
        )
        assert result.flags["C_CONTIGUOUS"]
        assert not np.shares_memory(result, image)
        assert (result.dtype, boxes.dtype, labels.dtype) == (np.uint8, np.float32, np.int32)
