"""The stages of making training batches, each measured for itself in images/s."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from keras_ssd.benchmark.numpy_augmentation import augment_as_ssd_pytorch
from keras_ssd.config import SSDConfig
from keras_ssd.data import AnnotatedImages, Augmentation, PaperAugmentation, TFPaperAugmentation
from keras_ssd.data.matching import encode_targets
from keras_ssd.data.pipeline import training_dataset
from keras_ssd.data.tf_augmentation import augmented_pixels
from keras_ssd.data.tf_batches import Objects
from keras_ssd.data.tf_colors import apply_colors
from keras_ssd.data.tf_reading import ImageParts
from keras_ssd.default_boxes import default_boxes
from keras_ssd.images.opencv import cv2

BATCH = 16
NUMPY_ONLY = "ssd.pytorch's augmentation in NumPy"
_IN_MEMORY = 8 * BATCH
_SECONDS, _ROUNDS = 1.5, 3


def stages(data: AnnotatedImages, config: SSDConfig) -> dict[str, Callable[[], Iterator[int]]]:
    """Returns the stages by name; each starts an endless loop that yields numbers of images done.

    Args:
        data: the images.
        config: the SSDConfig to make batches for.
    """
    size, model = config.image_size, SimpleNamespace(config=config, class_names=data.class_names)
    parts, objects, all_default_boxes = ImageParts(data), Objects(data), default_boxes(config)
    every = tf.data.Dataset.range(len(data)).repeat()
    some = every.take(_IN_MEMORY)

    def plan(indices):
        boxes, labels, is_box = objects(indices)
        sizes = tf.ensure_shape(tf.gather(parts.sizes, indices), (BATCH, 2))
        plans = TFPaperAugmentation().plan(0, indices[0], boxes, is_box, sizes, size)
        return indices, plans, labels

    def read_part(index, plan, labels):
        return parts(index, plan.part, plan.halvings), plan, labels

    def warp(pixels, plan, labels):
        return augmented_pixels(pixels, plan._replace(colors=None), size)

    def change_colors(pixels, plan, labels):
        return apply_colors(tf.fill((size, size, 3), 99.0), plan.colors)

    def match(pixels, plan, labels):
        boxes, labels = plan.boxes[plan.kept], labels[plan.kept]
        return encode_targets(boxes, labels, all_default_boxes, config.variances)

    def decode(encoded):
        return tf.shape(tf.io.decode_image(encoded, channels=3, expand_animations=False))

    planned = some.batch(BATCH, drop_remainder=True).map(plan).unbatch().map(read_part)
    encoded = some.map(parts.read_encoded)

    def whole(augmentation):
        return _loop(training_dataset(data, model, batch_size=BATCH, augmentation=augmentation))

    def each(examples, function):
        """Measures a function of examples that are in memory."""
        examples = examples.cache().repeat()
        return _loop(examples.map(function, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH))

    sizes_read = every.map(lambda index: tf.strings.length(parts.read_encoded(index)))
    return {
        "read": lambda: _loop(sizes_read.batch(BATCH)),
        "decode": lambda: each(encoded, decode),
        "windows": lambda: _loop(every.batch(BATCH, drop_remainder=True).map(plan)),
        "warp": lambda: each(planned, warp),
        "colors": lambda: each(planned, change_colors),
        "matching": lambda: each(planned, match),
        "everything": lambda: whole(TFPaperAugmentation()),
        "everything, without augmentation": lambda: whole(Augmentation()),
        "everything, PaperAugmentation in NumPy": lambda: whole(PaperAugmentation()),
        NUMPY_ONLY: lambda: _in_numpy(data, size),
    }


def images_per_second(steps: Iterator[int]) -> float:
    """Returns the best rate of several rounds, after a warm-up."""
    rates = []
    for _ in range(_ROUNDS + 1):  # the first round is the warm-up
        done, begin = 0, time.perf_counter()
        while (seconds := time.perf_counter() - begin) < _SECONDS:
            done += next(steps)
        rates.append(done / seconds)
    return max(rates[1:])


def _loop(batches):
    for _ in batches.prefetch(2):
        yield BATCH


def _in_numpy(data, size):
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    while True:
        sample = data[int(rng.integers(len(data)))]
        augment_as_ssd_pytorch(sample.read_image(), sample.boxes, sample.labels, size, rng)
        yield 1
