"""Samples to batches: order, resuming, targets, unreadable images."""

import dataclasses
import itertools
import logging
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tensorflow as tf

from keras_ssd import geometry
from keras_ssd.config import SSD_TINY_128
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.augmentation import Augmentation, PaperAugmentation
from keras_ssd.data.loading import load
from keras_ssd.data.pipeline import (
    batch_ids,
    evaluation_dataset,
    training_dataset,
    unwrapped_errors,
    validation_dataset,
)
from keras_ssd.data.sample import Sample
from keras_ssd.default_boxes import default_boxes
from keras_ssd.images import CorruptImageError, resize_image

THREE = ("a", "b", "c")
MODEL = SimpleNamespace(config=SSD_TINY_128, num_classes=3)
NUM_DEFAULT_BOXES = 4 * (16 * 16 + 8 * 8 + 4 * 4 + 2 * 2)


def color_of(index: int) -> tuple[int, int, int]:
    return 20 * index, 255 - 20 * index, 77


def solid_image(index: int) -> Sample:
    """One color, one object; no other index has this color."""
    pixels = np.full((20, 30, 3), color_of(index)[::-1], np.uint8)
    return Sample(
        id=f"image-{index}",
        image=cv2.imencode(".png", pixels)[1].tobytes(),
        size=(20, 30),
        boxes=np.array([[0.1, 0.2, 0.6, 0.9]], np.float32),
        labels=np.array([2], np.int32),
        difficult=np.array([False]),
    )


def batches(data, count, **options):
    """The first batches as NumPy arrays."""
    options = {"batch_size": 4, "augmentation": Augmentation(), **options}
    dataset = training_dataset(data, MODEL, **options)
    with unwrapped_errors():
        return list(itertools.islice(dataset.as_numpy_iterator(), count))


def ids_by_color(images) -> list[str]:
    colors = [tuple(map(int, image[60, 60])) for image in images]
    for image, color in zip(images, colors, strict=True):
        assert (image == color).all()
    return [f"image-{[color_of(index) for index in range(12)].index(color)}" for color in colors]


@pytest.fixture(scope="module")
def drawn(drawn_voc):
    return load(drawn_voc, "train")


@pytest.fixture(scope="module")
def seven_solid():
    """Seven images and 14 batches of 3, which are six passes that end inside batches."""
    data = AnnotatedImages([solid_image(index) for index in range(7)], THREE)
    return data, batches(data, 14, batch_size=3, seed=5)


@pytest.fixture(scope="module")
def augmented(drawn):
    return batches(drawn, 4, augmentation=PaperAugmentation(), seed=3)


def test_no_images_are_an_error():
    empty = AnnotatedImages([], THREE)
    for dataset in (
        lambda: training_dataset(empty, MODEL),
        lambda: validation_dataset(empty, MODEL),
        lambda: evaluation_dataset(empty, 128),
    ):
        with pytest.raises(ValueError, match="data: there are no images"):
            dataset()


@pytest.mark.parametrize("make", [training_dataset, validation_dataset])
def test_the_classes_of_data_and_model_must_be_the_same(drawn, make):
    two = SimpleNamespace(config=SSD_TINY_128, num_classes=2)
    with pytest.raises(ValueError, match="model: it has 2 classes, but the data have 3: circle, "):
        make(drawn, two)
    named = SimpleNamespace(config=SSD_TINY_128, class_names=("circle", "triangle", "rectangle"))
    with pytest.raises(
        ValueError,
        match=r"are circle, triangle, rectangle, but .* data are circle, rec.*"
        r"from_preset\(name, class_names=data\.class_names\)",
    ):
        make(drawn, named)
    named.class_names = list(drawn.class_names)
    assert next(iter(make(drawn, named)))[0].shape[1:] == (128, 128, 3)


def test_an_image_without_objects_trains_as_pure_background():
    empty = dataclasses.replace(
        solid_image(3),
        boxes=np.zeros((0, 4), np.float32),
        labels=np.zeros(0, np.int32),
        difficult=np.zeros(0, bool),
    )
    images, targets = batches(
        AnnotatedImages([empty], THREE), 1, augmentation=PaperAugmentation(), batch_size=2
    )[0]
    assert images.shape == (2, 128, 128, 3)
    assert not targets["offsets"].any()
    assert not targets["classes"].any()


def test_a_batch_may_be_larger_than_the_data_set():
    samples = AnnotatedImages([solid_image(0), solid_image(1)], THREE)
    images, _ = batches(samples, 1, batch_size=5)[0]
    ids = ids_by_color(images)
    assert {*ids[:2]} == {*ids[2:4]} == {"image-0", "image-1"}
    assert ids == batch_ids(samples, 0, batch_size=5, seed=0)


def test_batches_have_the_shapes_and_types_that_training_expects(augmented):
    for images, targets in augmented:
        assert (images.shape, images.dtype) == ((4, 128, 128, 3), np.float32)
        assert 0 <= images.min() < images.max() <= 255
        assert targets["offsets"].shape == (4, NUM_DEFAULT_BOXES, 5)
        assert targets["offsets"].dtype == np.float32
        assert targets["classes"].shape == (4, NUM_DEFAULT_BOXES)
        assert targets["classes"].dtype == np.int32
        assert {*np.unique(targets["offsets"][..., 4])} == {0.0, 1.0}


def test_the_static_shapes_of_images_and_targets_are_known(drawn):
    images, targets = training_dataset(drawn, MODEL).element_spec
    assert images.shape.as_list() == [None, 128, 128, 3]
    assert targets["offsets"].shape.as_list() == [None, NUM_DEFAULT_BOXES, 5]
    assert targets["classes"].shape.as_list() == [None, NUM_DEFAULT_BOXES]


def test_targets_decode_back_to_the_objects(drawn):
    samples = {sample.id: sample for sample in drawn}
    _, targets = batches(drawn, 1, batch_size=16)[0]
    ids = batch_ids(drawn, 0, batch_size=16, seed=0)
    for image_id, offsets, classes in zip(ids, targets["offsets"], targets["classes"], strict=True):
        sample, matched = samples[image_id], offsets[:, 4] == 1
        np.testing.assert_array_equal(matched, classes > 0)
        decoded = geometry.decode(
            offsets[matched, :4], default_boxes(SSD_TINY_128)[matched], SSD_TINY_128.variances
        )
        distance = np.abs(decoded[:, None] - sample.boxes).max(axis=2)  # (matches, M)
        assert (distance.min(axis=1, initial=1) < 1e-5).all()  # nothing but the objects
        assert (distance.min(axis=0, initial=1) < 1e-5).all()  # and each of them
        np.testing.assert_array_equal(
            classes[matched], sample.labels[distance.argmin(axis=1)] + 1 if matched.any() else []
        )


def test_without_augmentation_images_are_warped_as_at_test_time(drawn):
    samples = {sample.id: sample for sample in drawn}
    images, _ = batches(drawn, 1)[0]
    ids = batch_ids(drawn, 0, batch_size=4, seed=0)
    expected = [resize_image(samples[image_id].read_image(), 128) for image_id in ids]
    np.testing.assert_allclose(images, expected, atol=1)  # OpenCV resizes in whole numbers


def test_a_batch_is_the_same_whether_reached_or_started_at(drawn, augmented):
    (images, targets) = batches(drawn, 1, augmentation=PaperAugmentation(), seed=3, start_batch=3)[
        0
    ]
    np.testing.assert_array_equal(images, augmented[3][0])
    np.testing.assert_array_equal(targets["offsets"], augmented[3][1]["offsets"])
    np.testing.assert_array_equal(targets["classes"], augmented[3][1]["classes"])


def test_another_seed_has_another_order_and_another_augmentation(drawn, augmented):
    other = batches(drawn[:1], 1, augmentation=PaperAugmentation(), seed=4)[0][0]
    same_image = batches(drawn[:1], 1, augmentation=PaperAugmentation(), seed=3)[0][0]
    assert not np.array_equal(other, same_image)
    ids = [batch_ids(drawn, 0, batch_size=16, seed=seed) for seed in (3, 4)]
    assert ids[0] != ids[1]
    assert {*ids[0]} == {*ids[1]}


def test_an_image_is_augmented_anew_each_time(drawn):
    images, _ = batches(drawn[:1], 1, augmentation=PaperAugmentation(), batch_size=3)[0]
    assert not np.array_equal(images[0], images[1])
    assert not np.array_equal(images[1], images[2])


def test_each_pass_visits_every_sample_once_in_an_order_of_its_own(seven_solid):
    _, found = seven_solid
    ids = [image_id for images, _ in found for image_id in ids_by_color(images)]
    passes = [tuple(ids[start : start + 7]) for start in range(0, 42, 7)]
    assert [sorted(visited) for visited in passes] == [[f"image-{index}" for index in range(7)]] * 6
    assert len({*passes}) == 6


def test_batch_ids_names_the_samples_of_each_batch(seven_solid):
    samples, found = seven_solid
    for number, (images, _) in enumerate(found):
        assert batch_ids(samples, number, batch_size=3, seed=5) == ids_by_color(images)


def test_a_callable_augments(drawn):
    def one_gray_object(image, boxes, labels, image_size, rng):
        gray = np.full((image_size, image_size, 3), 9, np.uint8)
        return gray, np.array([[0.0, 0.0, 1.0, 1.0]], np.float32), np.array([1], np.int32)

    images, targets = batches(drawn, 1, augmentation=one_gray_object)[0]
    assert (images == 9).all()
    assert {*np.unique(targets["classes"])} == {0, 2}


@pytest.fixture
def one_corrupt(tmp_path):
    """Five samples; the file of number 2 is not an image."""
    file = tmp_path / "broken.jpg"
    file.write_bytes(b"no image")
    samples = [solid_image(index) for index in range(5)]
    samples[2] = dataclasses.replace(samples[2], image=file)
    return AnnotatedImages(samples, THREE), file


def test_a_corrupt_image_is_an_error_that_names_the_file(one_corrupt):
    samples, file = one_corrupt
    with pytest.raises(CorruptImageError, match=rf"^{file}: not an image that can be decoded"):
        batches(samples, 2)
    dataset = evaluation_dataset(samples, 128)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"CorruptImageError: {file}"):
        list(dataset)


def test_errors_of_tensorflow_itself_stay_as_they_are():
    with pytest.raises(tf.errors.InvalidArgumentError, match="Incompatible"), unwrapped_errors():
        tf.raw_ops.Add(x=tf.ones(2), y=tf.ones(3))


def test_a_skipped_image_trains_as_a_blank_one_and_the_others_as_ever(one_corrupt, caplog):
    samples, file = one_corrupt
    skipped = set()
    with caplog.at_level(logging.WARNING, "keras_ssd"):
        found = batches(samples, 3, batch_size=5, skipped=skipped)
    assert skipped == {"image-2"}
    (record,) = caplog.records
    assert record.getMessage().startswith(f"skipped: {file}: not an image that can be decoded")
    samples = AnnotatedImages([*samples[:2], solid_image(2), *samples[3:]], THREE)
    for number, (with_blank, without) in enumerate(
        zip(found, batches(samples, 3, batch_size=5), strict=True)
    ):
        blank = batch_ids(samples, number, batch_size=5, seed=0).index("image-2")
        assert (with_blank[0][blank] == (123, 117, 104)).all()
        assert not with_blank[1]["offsets"][blank].any()
        assert not with_blank[1]["classes"][blank].any()
        assert without[1]["classes"][blank].any()
        others = np.arange(5) != blank
        np.testing.assert_array_equal(with_blank[0][others], without[0][others])
        for name in ("offsets", "classes"):
            np.testing.assert_array_equal(with_blank[1][name][others], without[1][name][others])


def test_evaluation_puts_a_blank_in_place_of_a_skipped_image(one_corrupt):
    samples, _ = one_corrupt
    skipped = set()
    images = np.concatenate(list(evaluation_dataset(samples, 64, skipped=skipped)))
    assert skipped == {"image-2"}
    assert images[:, 30, 30].tolist() == [
        list(color_of(index)) if index != 2 else [123, 117, 104] for index in range(5)
    ]


def test_images_of_which_none_can_be_read_are_an_error_even_where_they_are_skipped(one_corrupt):
    data, file = one_corrupt
    message = f"none of 1 image can be read; the last one: {file}: not an image"
    for dataset in (
        lambda: training_dataset(data[2:3], MODEL, skipped=set()),
        lambda: validation_dataset(data[2:3], MODEL, skipped=set()),
        lambda: evaluation_dataset(data[2:3], 128, skipped=set()),
    ):
        with pytest.raises(ValueError, match=message):
            dataset()
