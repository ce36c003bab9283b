"""Every image once and in order: the batches to validate and to evaluate on."""

from types import SimpleNamespace

import numpy as np
import pytest

from keras_ssd.config import SSD_TINY_128
from keras_ssd.data.augmentation import Augmentation
from keras_ssd.data.loading import load
from keras_ssd.data.pipeline import (
    batch_ids,
    evaluation_dataset,
    training_dataset,
    validation_dataset,
)
from keras_ssd.images import resize_image

MODEL = SimpleNamespace(config=SSD_TINY_128, num_classes=3)


@pytest.fixture(scope="module")
def drawn(drawn_voc):
    return load(drawn_voc, "train")


def test_evaluation_has_every_image_once_in_order_warped_as_at_test_time(drawn):
    dataset = evaluation_dataset(drawn[:7], 96, batch_size=3)
    assert dataset.element_spec.shape.as_list() == [None, 96, 96, 3]
    found = list(dataset.as_numpy_iterator())
    assert [len(images) for images in found] == [3, 3, 1]
    assert {images.dtype for images in found} == {np.dtype(np.uint8)}
    expected = [resize_image(sample.read_image(), 96) for sample in drawn[:7]]
    np.testing.assert_array_equal(np.concatenate(found), expected)


def test_validation_has_every_image_once_in_order_with_the_targets_of_training(drawn):
    data = drawn[:7]
    dataset = validation_dataset(data, MODEL, batch_size=3)
    assert dataset.element_spec[0].shape.as_list() == [None, 128, 128, 3]
    found = list(dataset.as_numpy_iterator())
    assert [len(images) for images, _ in found] == [3, 3, 1]
    expected = [resize_image(sample.read_image(), 128) for sample in data]
    images = np.concatenate([images for images, _ in found])
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, expected)
    training = training_dataset(data, MODEL, batch_size=7, augmentation=Augmentation())
    _, of_training = next(training.as_numpy_iterator())
    order = [batch_ids(data, 0, batch_size=7, seed=0).index(sample.id) for sample in data]
    for name in ("offsets", "classes"):
        targets = np.concatenate([targets[name] for _, targets in found])
        np.testing.assert_array_equal(targets, of_training[name][order])


def test_validation_is_the_same_on_every_pass(drawn):
    dataset = validation_dataset(drawn[:3], MODEL)
    (first, _), (second, _) = (next(iter(dataset)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
