"""Samples -> encoded training batches and evaluation batches, with tf.data.

A training batch is a function of (seed, its number) alone: a resumed run sees what an
uninterrupted one would have seen, and the samples of any batch can be named afterwards.
"""

import logging
import re
from collections.abc import Callable, Sequence
from contextlib import contextmanager

import numpy as np
import tensorflow as tf

from keras_ssd.config import SSDConfig
from keras_ssd.data.augmentation import MEAN_COLOR, PaperAugmentation
from keras_ssd.data.matching import encode_targets
from keras_ssd.data.sample import Sample
from keras_ssd.default_boxes import default_boxes
from keras_ssd.images import CorruptImageError, resize_image

logger = logging.getLogger("keras_ssd")


def training_dataset(
    samples: Sequence[Sample],
    config: SSDConfig,
    *,
    batch_size: int,
    augmentation: str | Callable | None = "paper",
    seed: int = 0,
    start_batch: int = 0,
    skipped: set[str] | None = None,
) -> tf.data.Dataset:
    """Endless shuffled batches of augmented images with the targets of their default boxes.

    Every pass over the samples has an order of its own.

    Args:
        samples: at least one; those without objects take part.
        config: of the model to train.
        batch_size: B.
        augmentation: "paper", None (warp to size only), or a callable like `PaperAugmentation`.
        seed: of order and augmentation.
        start_batch: number of the first batch, to resume at.
        skipped: collects the ids of images that cannot be read; each is logged and trains as an
            image without objects, which adds nothing to the loss. None: such an image is an error.

    Returns:
        Dataset of (images, targets): float32 RGB pixels (B, S, S, 3) in 0..255, and a dictionary
        of "offsets" (B, N, 5) and "classes" (B, N), see `encode_targets`.

    Raises:
        ValueError: there are no samples, or augmentation is unknown. While iterating, TensorFlow
            wraps a CorruptImageError, see `unwrapped_errors`.
    """
    augment = _augmentation(augmentation)
    _check_not_empty(samples)
    size = config.image_size
    all_default_boxes = default_boxes(config)

    def load(index, position):
        image, boxes, labels = _read(samples[index], skipped)
        rng = np.random.default_rng((seed, position))
        return augment(image, boxes, labels, size, rng)

    def example(position):
        index = sample_index(position, len(samples), seed)
        image, boxes, labels = tf.numpy_function(
            load, [index, position], [tf.uint8, tf.float32, tf.int32]
        )
        boxes = tf.ensure_shape(boxes, (None, 4))
        labels = tf.ensure_shape(labels, (None,))
        targets = encode_targets(boxes, labels, all_default_boxes, config.variances)
        return tf.ensure_shape(image, (size, size, 3)), targets

    positions = tf.data.Dataset.range(start_batch * batch_size, np.iinfo(np.int64).max)
    batches = positions.map(example, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size)
    return batches.map(lambda images, targets: (tf.cast(images, tf.float32), targets)).prefetch(2)


def evaluation_dataset(
    samples: Sequence[Sample],
    image_size: int,
    *,
    batch_size: int = 8,
    skipped: set[str] | None = None,
) -> tf.data.Dataset:
    """Every sample's image once, in order, warped to the network's size.

    Args:
        samples, skipped: as in `training_dataset`.
        image_size: S, in pixels.
        batch_size: B; the last batch may be smaller.

    Returns:
        Dataset of uint8 RGB images (B, S, S, 3), for a detector's `predict`.
    """
    _check_not_empty(samples)

    def load(index):
        return resize_image(_read(samples[index], skipped)[0], image_size)

    def image(index):
        pixels = tf.numpy_function(load, [index], tf.uint8)
        return tf.ensure_shape(pixels, (image_size, image_size, 3))

    indices = tf.data.Dataset.range(len(samples))
    return indices.map(image, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size).prefetch(2)


@contextmanager
def unwrapped_errors():
    """Within it a data set's CorruptImageError comes as itself, not as TensorFlow wraps it."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        corrupt = re.search(r"CorruptImageError: (.*)", str(error))
        if corrupt is None:
            raise
        raise CorruptImageError(corrupt[1]) from None


def batch_ids(samples: Sequence[Sample], batch: int, *, batch_size: int, seed: int) -> list[str]:
    """The ids of the samples in training batch number `batch`."""
    positions = range(batch * batch_size, (batch + 1) * batch_size)
    return [samples[int(sample_index(p, len(samples), seed))].id for p in positions]


def sample_index(position, num_samples: int, seed: int) -> tf.Tensor:
    """Which sample stands at a position of the endless shuffled sequence: int64 scalar."""
    position = tf.convert_to_tensor(position, tf.int64)
    epoch, place = position // num_samples, position % num_samples
    return tf.random.experimental.index_shuffle(
        place, seed=tf.stack([tf.constant(seed, tf.int64), epoch]), max_index=num_samples - 1
    )


def _augmentation(augmentation) -> Callable:
    if callable(augmentation):
        return augmentation
    if augmentation == "paper":
        return PaperAugmentation()
    if augmentation is None:
        return PaperAugmentation(
            distort=False, expand=False, crop=False, flip=False, random_interpolation=False
        )
    raise ValueError(f'augmentation: expected "paper", None or a callable, not {augmentation!r}')


def _check_not_empty(samples):
    if not samples:
        raise ValueError("samples: there are none; expected at least one annotated image")


def _read(sample, skipped):
    """Image, boxes and labels; those of a blank image where the sample's cannot be read."""
    try:
        return sample.read_image(), sample.boxes, sample.labels
    except CorruptImageError as error:
        if skipped is None:
            raise
        if sample.id not in skipped:
            skipped.add(sample.id)
            logger.warning("skipped: %s", error)
        blank = np.full((1, 1, 3), MEAN_COLOR, np.uint8)
        return blank, np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
