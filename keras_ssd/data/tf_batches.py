"""Training batches that TensorFlow makes, by plans that are drawn for a batch at a time."""

import numpy as np
import tensorflow as tf

from keras_ssd.config import SSDConfig
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.cached_images import CachedImages
from keras_ssd.data.keras_augmentation import KerasAugmentation
from keras_ssd.data.matching import encode_targets
from keras_ssd.data.shuffling import sample_index
from keras_ssd.data.tf_augmentation import TFPaperAugmentation, TFResize, augmented_pixels
from keras_ssd.data.tf_reading import ImageParts
from keras_ssd.default_boxes import default_boxes


def planned_batches(
    data: AnnotatedImages,
    config: SSDConfig,
    augmentation: TFPaperAugmentation | TFResize,
    images: ImageParts | CachedImages,
    *,
    batch_size: int,
    seed: int,
    start_batch: int,
    share: tuple[int, int],
    matching_iou: float,
    then: KerasAugmentation | None = None,
) -> tf.data.Dataset:
    """Returns the batches of `training_dataset` for an augmentation of TensorFlow operations.

    Args:
        data, augmentation, batch_size, seed, start_batch, share, matching_iou: as in
            `training_dataset`.
        config: the SSDConfig of the model.
        images: the images, by index.
        then: what changes the augmented images and their objects, or None.
    """
    size, all_default_boxes = config.image_size, default_boxes(config)
    objects, (share_index, num_shares) = Objects(data), share
    batch_share = batch_size // num_shares

    def plan(number):
        first = number * batch_size + share_index * batch_share
        positions = first + tf.range(batch_share, dtype=tf.int64)
        indices = sample_index(positions, len(data), seed)
        boxes, labels, is_box = objects(indices)
        sizes = tf.ensure_shape(tf.gather(images.sizes, indices), (batch_share, 2))
        plans = augmentation.plan(seed, first, boxes, is_box, sizes, size)
        return positions, indices, plans, labels

    def example(position, index, plan, labels):
        pixels = images(index, plan.part, plan.halvings)
        kept = plan.kept & (tf.size(pixels) > 0)
        image = augmented_pixels(pixels, plan, size)
        boxes, labels = plan.boxes[kept], labels[kept]
        if then is not None:
            image, boxes, labels = then(image, boxes, labels, position)
        targets = encode_targets(boxes, labels, all_default_boxes, config.variances, matching_iou)
        return tf.ensure_shape(image, (size, size, 3)), targets

    examples = (
        tf.data.Dataset.range(start_batch, np.iinfo(np.int64).max // batch_size)
        .map(plan, num_parallel_calls=1)
        .unbatch()
        .map(example, num_parallel_calls=tf.data.AUTOTUNE)
    )
    batches = examples.batch(batch_share)
    return batches.map(lambda images, targets: (tf.cast(images, tf.float32), targets)).prefetch(2)


class Objects:
    """The objects of all images as tensors."""

    def __init__(self, data):
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
