"""Training batches that TensorFlow makes, by plans that are drawn for a batch at a time."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from keras_ssd.config import SSDConfig
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.matching import encode_targets
from keras_ssd.data.shuffling import sample_index
from keras_ssd.data.tf_augmentation import TFPaperAugmentation, TFResize, augmented_pixels
from keras_ssd.data.tf_reading import ImageParts
from keras_ssd.default_boxes import default_boxes


def planned_batches(
    data: AnnotatedImages,
    config: SSDConfig,
    augmentation: TFPaperAugmentation | TFResize,
    read: Callable[[int], np.ndarray | None],
    *,
    batch_size: int,
    seed: int,
    start_batch: int,
    share: tuple[int, int],
    in_python: bool,
) -> tf.data.Dataset:
    """Returns the batches of `training_dataset` for an augmentation of TensorFlow operations.

    Args:
        data, augmentation, batch_size, seed, start_batch, share: as in `training_dataset`.
        config: the SSDConfig of the model.
        read, in_python: as in `ImageParts`.
    """
    size, all_default_boxes = config.image_size, default_boxes(config)
    parts, objects = ImageParts(data, read, in_python=in_python), _Objects(data)
    index, count = share
    batch_share = batch_size // count
    rows = slice(index * batch_share, (index + 1) * batch_share)

    def plan(number):
        first = number * batch_size
        indices = sample_index(first + tf.range(batch_size, dtype=tf.int64), len(data), seed)
        boxes, labels, is_box = objects(indices)
        sizes = tf.ensure_shape(tf.gather(objects.sizes, indices), (batch_size, 2))
        plans = indices, augmentation.plan(seed, first, boxes, is_box, sizes, size), labels
        return tf.nest.map_structure(lambda value: None if value is None else value[rows], plans)

    def example(index, plan, labels):
        pixels = parts(index, plan.part, plan.halvings)
        kept = plan.kept & (tf.size(pixels) > 0)
        image = augmented_pixels(pixels, plan, size)
        targets = encode_targets(
            plan.boxes[kept], labels[kept], all_default_boxes, config.variances
        )
        return tf.ensure_shape(image, (size, size, 3)), targets

    examples = (
        tf.data.Dataset.range(start_batch, np.iinfo(np.int64).max // batch_size)
        .map(plan, num_parallel_calls=1)
        .unbatch()
        .map(example, num_parallel_calls=tf.data.AUTOTUNE)
    )
    batches = examples.batch(batch_share)
    return batches.map(lambda images, targets: (tf.cast(images, tf.float32), targets)).prefetch(2)


class _Objects:
    """The sizes and objects of all images as tensors."""

    def __init__(self, data):
        self.sizes = tf.constant([sample.size for sample in data], tf.int32)
        lengths = [len(sample.labels) for sample in data]
        self._boxes = tf.RaggedTensor.from_row_lengths(
            np.concatenate([s.boxes for s in data]).astype(np.float32), lengths
        )
        self._labels = tf.RaggedTensor.from_row_lengths(
            np.concatenate([s.labels for s in data]).astype(np.int32), lengths
        )

    def __call__(self, indices):
        """Returns boxes (B, M, 4), labels (B, M) and which rows are boxes (B, M); M is from 1."""
        labels = tf.gather(self._labels, indices).to_tensor(-1)
        labels = tf.pad(labels, [[0, 0], [0, 1]], constant_values=-1)  # so that M is not 0
        boxes = tf.gather(self._boxes, indices).to_tensor(0.0)
        boxes = tf.pad(boxes, [[0, 0], [0, 1], [0, 0]])
        return tf.ensure_shape(boxes, (None, None, 4)), labels, labels >= 0
