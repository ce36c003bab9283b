"""Annotated images -> batches for training, validation and evaluation, with tf.data.

A training batch depends only on the seed and its number. A resumed run therefore sees what an
uninterrupted run would have seen, and the samples of any batch can be named afterwards.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from keras_ssd.config import SSDConfig
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.augmentation import Augmentation, PaperAugmentation
from keras_ssd.data.augmentation_steps import MEAN_COLOR, Example
from keras_ssd.data.matching import encode_targets
from keras_ssd.data.sample import Sample
from keras_ssd.default_boxes import default_boxes
from keras_ssd.images import CorruptImageError, resize_image

logger = logging.getLogger("keras_ssd")


class TrainableModel(Protocol):
    """What the data sets ask of a model: an SSD and a Detector both answer it.

    Attributes:
        config: defines the input size and the default boxes.
        num_classes: the number of foreground classes. A model with `class_names` is asked for
            these instead.
    """

    config: SSDConfig
    num_classes: int


def training_dataset(
    data: AnnotatedImages,
    model: TrainableModel,
    *,
    batch_size: int = 16,
    augmentation: Callable[..., Example] = PaperAugmentation(),  # noqa: B008 - it is frozen
    seed: int = 0,
    start_batch: int = 0,
    skipped: set[str] | None = None,
) -> tf.data.Dataset:
    """Endless shuffled batches of augmented images with the targets of their default boxes.

    Every pass over the images has an order of its own.

    Args:
        data: at least one image; images without objects take part.
        model: the SSD or the Detector to train. Its classes must be those of the data.
        batch_size: B, the number of images in a batch.
        augmentation: called as `augmentation(image, boxes, labels, image_size, rng)`. See
            `Augmentation`, which only resizes, and `PaperAugmentation`.
        seed: decides the order and the random numbers of the augmentation.
        start_batch: number of the first batch, to resume at.
        skipped: a set that collects the ids of images that cannot be read. Each is logged and
            trains as an image without objects, which adds nothing to the loss. With None such an
            image is an error.

    Returns:
        Dataset of (images, targets): float32 RGB pixels (B, S, S, 3) in 0..255, and a dictionary
        of "offsets" (B, N, 5) and "classes" (B, N), see `encode_targets`.

    Raises:
        ValueError: there are no images, none of them can be read (where `skipped` is given), or
            the model has other classes. While iterating, TensorFlow wraps a CorruptImageError, see
            `unwrapped_errors`.
    """
    _check(data, skipped)
    _check_classes(data, model)

    def load(index, position):
        image, boxes, labels = _read(data[index], skipped)
        rng = np.random.default_rng((seed, position))
        return augmentation(image, boxes, labels, model.config.image_size, rng)

    def arguments(position):
        return [sample_index(position, len(data), seed), position]

    positions = tf.data.Dataset.range(start_batch * batch_size, np.iinfo(np.int64).max)
    return _batches(positions, arguments, load, model.config, batch_size)


def validation_dataset(
    data: AnnotatedImages,
    model: TrainableModel,
    *,
    batch_size: int = 8,
    skipped: set[str] | None = None,
) -> tf.data.Dataset:
    """Every image once, in order, warped to the model's size, with its targets.

    For `fit(validation_data=...)` and `evaluate`, which measure the losses on it.

    Args:
        data, model, skipped: as in `training_dataset`.
        batch_size: B; the last batch may be smaller.

    Returns:
        Dataset of (images, targets) as in `training_dataset`.

    Raises:
        ValueError: as in `training_dataset`.
    """
    _check(data, skipped)
    _check_classes(data, model)
    only_resize = Augmentation()

    def load(index):
        image, boxes, labels = _read(data[index], skipped)
        rng = np.random.default_rng(0)  # never used
        return only_resize(image, boxes, labels, model.config.image_size, rng)

    indices = tf.data.Dataset.range(len(data))
    return _batches(indices, lambda index: [index], load, model.config, batch_size)


def evaluation_dataset(
    data: AnnotatedImages,
    image_size: int,
    *,
    batch_size: int = 8,
    skipped: set[str] | None = None,
) -> tf.data.Dataset:
    """Every image once, in order, warped to a detector's size, without targets.

    Args:
        data: at least one image.
        image_size: S, in pixels.
        batch_size: B; the last batch may be smaller.
        skipped: as in `training_dataset`; such an image is blank.

    Returns:
        Dataset of uint8 RGB images (B, S, S, 3), for a detector's `predict`.

    Raises:
        ValueError: as in `training_dataset`.
    """
    _check(data, skipped)

    def load(index):
        return resize_image(_read(data[index], skipped)[0], image_size)

    def image(index):
        pixels = tf.numpy_function(load, [index], tf.uint8)
        return tf.ensure_shape(pixels, (image_size, image_size, 3))

    indices = tf.data.Dataset.range(len(data))
    return indices.map(image, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size).prefetch(2)


@contextmanager
def unwrapped_errors() -> Iterator[None]:
    """Within it a data set's CorruptImageError comes as itself, not as TensorFlow wraps it."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        corrupt = re.search(r"CorruptImageError: (.*)", str(error))
        if corrupt is None:
            raise
        raise CorruptImageError(corrupt[1]) from None


def batch_ids(data: AnnotatedImages, batch: int, *, batch_size: int, seed: int) -> list[str]:
    """The ids of the samples in training batch number `batch`."""
    positions = range(batch * batch_size, (batch + 1) * batch_size)
    return [data[int(sample_index(p, len(data), seed))].id for p in positions]


def sample_index(position: Any, num_samples: int, seed: int) -> tf.Tensor:
    """The index of the sample at a position of the endless shuffled sequence: int64 scalar."""
    position = tf.convert_to_tensor(position, tf.int64)
    epoch, place = position // num_samples, position % num_samples
    return tf.random.experimental.index_shuffle(
        place, seed=tf.stack([tf.constant(seed, tf.int64), epoch]), max_index=num_samples - 1
    )


def _batches(positions, arguments, load, config, batch_size) -> tf.data.Dataset:
    """Batches of what `load` returns for the arguments at each position, boxes as targets."""
    size, all_default_boxes = config.image_size, default_boxes(config)

    def example(position):
        image, boxes, labels = tf.numpy_function(
            load, arguments(position), [tf.uint8, tf.float32, tf.int32]
        )
        boxes = tf.ensure_shape(boxes, (None, 4))
        labels = tf.ensure_shape(labels, (None,))
        targets = encode_targets(boxes, labels, all_default_boxes, config.variances)
        return tf.ensure_shape(image, (size, size, 3)), targets

    batches = positions.map(example, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size)
    return batches.map(lambda images, targets: (tf.cast(images, tf.float32), targets)).prefetch(2)


def _check(data, skipped):
    """Raises ValueError where there is no image, or where all would be skipped."""
    if not len(data):
        raise ValueError("data: there are no images; expected at least one")
    if skipped is None:
        return
    for sample in data:
        try:
            sample.read_image()
        except CorruptImageError as error:
            last_error = error
        else:
            return
    raise ValueError(f"data: none of {len(data)} images can be read; the last one: {last_error}")


def _check_classes(data, model):
    """Raises ValueError where the labels would mean other classes to the model."""
    advice = (
        "`with_classes(detector, data.class_names)` or "
        "`Detector.from_preset(name, class_names=data.class_names)` make a model for the data's "
        "classes; `load(..., class_names=...)` loads the data for the model's"
    )
    class_names = getattr(model, "class_names", None)
    if class_names is None:
        if model.num_classes != len(data.class_names):
            raise ValueError(
                f"model: it has {model.num_classes} classes, but the data have "
                f"{len(data.class_names)}: {', '.join(data.class_names)}. {advice}"
            )
    elif tuple(class_names) != data.class_names:
        raise ValueError(
            f"model: its classes are {', '.join(class_names)}, but those of the data are "
            f"{', '.join(data.class_names)}. {advice}"
        )


def _read(sample: Sample, skipped) -> Example:
    """Image, boxes and labels; a blank image without objects where the sample's is unreadable."""
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
