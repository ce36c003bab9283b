import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_ssd.config import SSD_TINY_128
from keras_ssd.data.augmentation import Augmentation
from keras_ssd.data.keras_augmentation import KerasAugmentation, layer_names
from keras_ssd.data.loading import load
from keras_ssd.data.pipeline import batch_ids, training_dataset

MODEL = SimpleNamespace(config=SSD_TINY_128, num_classes=3)
layers = keras.layers

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="it needs the TensorFlow backend"
)


@pytest.fixture(scope="module")
def drawn(drawn_voc):
    return load(drawn_voc, "train")


def batches(data, count, augmentation, **options):
    dataset = training_dataset(data, MODEL, batch_size=8, augmentation=augmentation, **options)
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def test_a_layer_flips_images_and_boxes_together(drawn):
    flip = layers.RandomFlip("horizontal", bounding_box_format="xywh")
    (images, targets), *_ = batches(drawn, 1, flip)
    (plain, plain_targets), *_ = batches(drawn, 1, Augmentation())
    flipped = [not np.array_equal(one, other) for one, other in zip(images, plain, strict=True)]
    assert 0 < sum(flipped) < 8
    grids = [16, 8, 4, 2]
    for number, is_flipped in enumerate(flipped):
        expected = plain[number][:, ::-1] if is_flipped else plain[number]
        np.testing.assert_array_equal(images[number], expected)
        classes, start = targets["classes"][number], 0
        plain_classes = plain_targets["classes"][number]
        for grid in grids:  # default boxes are mirrored with their cells
            cells = slice(start, start := start + 4 * grid * grid)
            one = np.sort(classes[cells].reshape(grid, grid, 4), axis=2)
            other = np.sort(plain_classes[cells].reshape(grid, grid, 4), axis=2)
            # Where two boxes match equally well, mirroring decides otherwise.
            same = one == (other[:, ::-1] if is_flipped else other)
            assert same.mean() > 0.99
    assert len(batch_ids(drawn, 0, batch_size=8, seed=0)) == 8


def test_batches_depend_on_seed_and_number_only(drawn):
    layer = layers.Pipeline(
        [
            layers.RandomFlip(bounding_box_format="xyxy"),
            layers.RandomBrightness(0.3, value_range=(0, 255), bounding_box_format="xyxy"),
        ]
    )
    first = batches(drawn, 3, layer, seed=4)
    (again,) = batches(drawn, 1, layer, seed=4, start_batch=2)
    np.testing.assert_array_equal(first[2][0], again[0])
    np.testing.assert_array_equal(first[2][1]["classes"], again[1]["classes"])
    other = batches(drawn, 1, layer, seed=5)
    assert not np.array_equal(first[0][0], other[0][0])


@pytest.mark.parametrize("box_format", ["xyxy", "rel_xyxy", "center_xywh"])
def test_what_a_layer_crops_away_is_gone_and_another_size_is_warped_back(box_format):
    crop = layers.CenterCrop(32, 48, bounding_box_format=box_format)
    image = np.zeros((64, 64, 3), np.uint8)
    image[16:48, 16:48] = 200
    boxes = np.array([[0.25, 0.25, 0.75, 0.75], [0.0, 0.0, 0.1, 0.1]], np.float32)
    augment = KerasAugmentation(crop, 64, seed=0)

    def run(position):
        return augment(tf.constant(image), tf.constant(boxes), tf.constant([3, 1]), position)

    ((found, found_boxes, labels),) = tf.data.Dataset.range(1).map(run).as_numpy_iterator()
    assert (found.shape, found.dtype) == ((64, 64, 3), np.uint8)
    np.testing.assert_array_equal(labels, [3])
    np.testing.assert_allclose(found_boxes, [[8 / 48, 0, 40 / 48, 1]], atol=1e-6)
    assert (found[:, 12:52] == 200).all()
    assert not found[:, :9].any()


def test_layers_that_do_not_know_boxes_or_disagree_are_refused(drawn):
    with pytest.raises(ValueError, match=r"random_flip.* does not know boxes"):
        batches(drawn, 1, layers.RandomFlip())
    with pytest.raises(ValueError, match="RandomCrop moves boxes along the wrong axis"):
        batches(drawn, 1, layers.RandomCrop(9, 9, bounding_box_format="xyxy"))
    two = layers.Pipeline(
        [
            layers.RandomFlip(bounding_box_format="xyxy"),
            layers.RandomFlip(bounding_box_format="xywh"),
        ]
    )
    with pytest.raises(ValueError, match="different formats of boxes"):
        batches(drawn, 1, two)


def test_the_names_of_layers_have_no_numbers():
    layer = layers.Pipeline([layers.RandomFlip(), layers.RandomFlip()])
    assert layer_names(layer) == "Pipeline(RandomFlip(), RandomFlip())"
