"""Makes batches for training, validation and evaluation from annotated images, with tf.data.

A training batch depends only on the seed and its number. A resumed run therefore sees the same
batches as an uninterrupted run, and `batch_ids` can name the samples of any batch afterwards.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_ssd.config import MATCHING_IOU
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.augmentation import Augmentation
from keras_ssd.data.augmentation_steps import MEAN_COLOR, Example
from keras_ssd.data.cached_images import CachedImages, cached_images
from keras_ssd.data.keras_augmentation import KerasAugmentation
from keras_ssd.data.matching import encode_targets
from keras_ssd.data.python_calls import call_python
from keras_ssd.data.sample import Sample
from keras_ssd.data.shuffling import sample_index
from keras_ssd.data.skipping import read_or_skip
from keras_ssd.data.tf_augmentation import TFPaperAugmentation, TFResize
from keras_ssd.data.tf_batches import planned_batches
from keras_ssd.data.tf_reading import ImageParts, corrupt_image_error
from keras_ssd.data.trainable import TrainableModel, check_classes, check_readable
from keras_ssd.default_boxes import default_boxes
from keras_ssd.images import resize_image


def training_dataset(
    data: AnnotatedImages,
    model: TrainableModel,
    *,
    batch_size: int = 16,
    augmentation: Callable[..., Example] | TFPaperAugmentation = TFPaperAugmentation(),  # noqa: B008
    seed: int = 0,
    start_batch: int = 0,
    skipped: set[str] | None = None,
    share: tuple[int, int] = (0, 1),
    cache: CachedImages | str | Path | None = None,
    matching_iou: float = MATCHING_IOU,
) -> tf.data.Dataset:
    """Returns endless shuffled batches of augmented images with their targets.

    Every pass over the images has another order.

    Args:
        data: the images, at least one; images without objects are used too.
        model: the SSD or the Detector to train. Its classes must be those of the data.
        batch_size: B, the number of images in a batch.
        augmentation: what changes the images. `TFPaperAugmentation()` and `Augmentation()`, which
            only resizes, run as TensorFlow operations. So does a Keras layer that knows boxes, such
            as `keras.layers.RandomFlip(bounding_box_format="xyxy")`, or `keras.layers.Pipeline` of
            such layers; it gets the resized image. Any other function is called in Python as
            `augmentation(image, boxes, labels, image_size, rng)`, such as `PaperAugmentation()`.
        seed: the seed of the order and of the augmentation's random numbers.
        start_batch: the number of the first batch, to resume a training.
        skipped: a set that collects the ids of images that cannot be read. Each is logged and
            replaced by a blank image without objects, which adds nothing to the loss. Then Python
            reads all images. If it is None, an image that cannot be read is an error.
        share: (index, count), the part of each batch to return if `count` processes train together:
            the batches then have B / count images. B must be a multiple of the count.
        cache: "memory" or the path of a folder, to decode all images now and keep them; or a
            CachedImages, to keep them for several data sets.
        matching_iou: the lowest IoU with an object at which a default box learns that object, as
            the `iou_threshold` of `keras_ssd.data.match`.

    Returns:
        Dataset of (images, targets): float32 RGB pixels (B, S, S, 3) in 0..255, and the targets as
        a dictionary of "offsets" (B, N, 5) and "classes" (B, N), as from `encode_targets`.

    Raises:
        ValueError: there are no images, `skipped` is given but no image can be read, or the model
            has other classes. While iterating, TensorFlow raises an error of its own in place of a
            CorruptImageError; `unwrapped_errors` gives that back.
    """
    check_readable(data, skipped)
    check_classes(data, model)
    size = model.config.image_size
    images = cached_images(data, cache, size, skipped)
    is_layer = isinstance(augmentation, keras.layers.Layer)
    if is_layer or isinstance(augmentation, TFPaperAugmentation) or augmentation == Augmentation():
        return planned_batches(
            data,
            model.config,
            augmentation if isinstance(augmentation, TFPaperAugmentation) else TFResize(),
            images or ImageParts(data, skipped),
            batch_size=batch_size,
            seed=seed,
            start_batch=start_batch,
            share=share,
            matching_iou=matching_iou,
            then=KerasAugmentation(augmentation, size, seed) if is_layer else None,
        )

    def load(index, position):
        image = images.read(index) if images else read_or_skip(data[index], skipped)
        rng = np.random.default_rng((seed, position))
        return augmentation(*_example(data[index], image), size, rng)

    def arguments(position):
        return [sample_index(position, len(data), seed), position]

    index, count = share
    batch_share = batch_size // count

    def in_share(number):  # of the images that this process reads
        return number // batch_share * batch_size + index * batch_share + number % batch_share

    numbers = tf.data.Dataset.range(start_batch * batch_share, np.iinfo(np.int64).max)
    positions = numbers.map(in_share)
    return _batches(positions, arguments, load, model.config, batch_share, matching_iou)


def validation_dataset(
    data: AnnotatedImages,
    model: TrainableModel,
    *,
    batch_size: int = 8,
    skipped: set[str] | None = None,
) -> tf.data.Dataset:
    """Returns every image once, in order, warped to the model's size, with its targets.

    It is made for `fit(validation_data=...)` and `evaluate`, which measure the losses.

    Args:
        data, model, skipped: as in `training_dataset`.
        batch_size: B, the number of images in a batch; the last batch may be smaller.

    Returns:
        Dataset of (images, targets) as in `training_dataset`.

    Raises:
        ValueError: as in `training_dataset`.
    """
    check_readable(data, skipped)
    check_classes(data, model)
    only_resize = Augmentation()

    def load(index):
        image = read_or_skip(data[index], skipped)
        rng = np.random.default_rng(0)  # never used
        return only_resize(*_example(data[index], image), model.config.image_size, rng)

    indices = tf.data.Dataset.range(len(data))
    return _batches(indices, lambda index: [index], load, model.config, batch_size)


def evaluation_dataset(
    data: AnnotatedImages,
    image_size: int,
    *,
    batch_size: int = 8,
    skipped: set[str] | None = None,
) -> tf.data.Dataset:
    """Returns every image once, in order, warped to a detector's size, without targets.

    Args:
        data: the images, at least one.
        image_size: S, the side of the detector's input in pixels.
        batch_size: B, the number of images in a batch; the last batch may be smaller.
        skipped: as in `training_dataset`.

    Returns:
        Dataset of uint8 RGB images (B, S, S, 3), for a detector's `predict`.

    Raises:
        ValueError: as in `training_dataset`.
    """
    check_readable(data, skipped)

    def load(index):
        image = read_or_skip(data[index], skipped)
        return _blank(image_size)[0] if image is None else resize_image(image, image_size)

    def image(index):
        pixels = call_python(load, [index], tf.uint8, blank=lambda index: _blank(image_size)[0])
        return tf.ensure_shape(pixels, (image_size, image_size, 3))

    indices = tf.data.Dataset.range(len(data))
    return indices.map(image, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size).prefetch(2)


@contextmanager
def unwrapped_errors() -> Iterator[None]:
    """Makes a data set raise CorruptImageError instead of TensorFlow's error in this context.

    It names the image. If TensorFlow does not say which it was, the images are read again.
    """
    try:
        yield
    except tf.errors.OpError as error:
        corrupt = corrupt_image_error(error)
        if corrupt is None:
            raise
        raise corrupt from None


def batch_ids(data: AnnotatedImages, batch: int, *, batch_size: int, seed: int) -> list[str]:
    """Returns the ids of the samples in training batch number `batch`."""
    positions = range(batch * batch_size, (batch + 1) * batch_size)
    return [data[int(sample_index(p, len(data), seed))].id for p in positions]


def _batches(
    positions, arguments, load, config, batch_size, matching_iou=MATCHING_IOU
) -> tf.data.Dataset:
    """Returns batches of the examples that `load` returns for the arguments at each position."""
    size, all_default_boxes = config.image_size, default_boxes(config)

    def example(position):
        image, boxes, labels = call_python(
            load,
            arguments(position),
            [tf.uint8, tf.float32, tf.int32],
            blank=lambda *arguments: _blank(size),
        )
        boxes = tf.ensure_shape(boxes, (None, 4))
        labels = tf.ensure_shape(labels, (None,))
        targets = encode_targets(boxes, labels, all_default_boxes, config.variances, matching_iou)
        return tf.ensure_shape(image, (size, size, 3)), targets

    batches = positions.map(example, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size)
    return batches.map(lambda images, targets: (tf.cast(images, tf.float32), targets)).prefetch(2)


def _example(sample: Sample, image: np.ndarray | None) -> Example:
    """Returns image, boxes and labels, or a blank image without objects if there is no image."""
    return _blank(1) if image is None else (image, sample.boxes, sample.labels)


def _blank(size) -> Example:
    image = np.full((size, size, 3), MEAN_COLOR, np.uint8)
    return image, np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
