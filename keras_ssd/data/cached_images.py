"""Decoded images of a data set, kept in memory or in a folder, so that they are decoded once."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.augmentation import LARGEST_SIDE, at_most, shape_at_most
from keras_ssd.data.sample import Sample
from keras_ssd.data.skipping import read_or_skip
from keras_ssd.files import checked_folder, replace_file
from keras_ssd.terminal import track


class CachedImages:
    """All images of a data set as RGB values; those that are large are shrunk.

    They are read when this is built, with a progress bar. Images of a folder that were kept before
    and have not changed since are not read again.

    Args:
        data: the images.
        cache: "memory", or the path of a folder; it is made if it does not exist.
        image_size: the side S of the training images. An image is shrunk if a side of it has more
            than 4 times as many pixels, which is the most that the paper's augmentation looks at.
        skipped: a set that collects the ids of images that cannot be read, as in
            `training_dataset`. None makes them errors.

    Attributes:
        sizes: int32 (images, 2), heights and widths of the kept images.

    Raises:
        CorruptImageError: an image cannot be read, and `skipped` is None.
        ValueError: the folder cannot be written to, or the memory is too small.
        OSError: the disk is full.
    """

    def __init__(
        self,
        data: AnnotatedImages,
        cache: str | Path,
        image_size: int,
        skipped: set[str] | None = None,
    ):
        side = LARGEST_SIDE * image_size
        shapes = [shape_at_most(sample.size, side) for sample in data]
        lengths = [3 * height * width for height, width in shapes]
        self._store: _Store
        if cache == "memory":
            self._store = _InMemory(lengths)
        else:
            self._store = _InFolder(Path(cache), [_key(sample, side) for sample in data], lengths)

        def keep(index):
            if self._store.has(index):
                return True
            image = read_or_skip(data[index], skipped)
            if image is None:
                return False
            self._store.put(index, np.ascontiguousarray(at_most(image, side)))
            return True

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            kept = pool.map(keep, range(len(data)))
            self._is_kept = list(track(kept, "Caching images", total=len(data)))
        self._shapes = shapes
        self._is_kept_tensor = tf.constant(self._is_kept)
        self.sizes = tf.constant(shapes, tf.int32)

    def __call__(self, index: Any, part: Any, halvings: Any) -> tf.Tensor:
        """Returns a part of an image in a graph; see ImageParts. `halvings` has to be 0."""

        def read():
            height, width = tf.unstack(self.sizes[index])
            image = tf.reshape(self._store.values(index), (height, width, 3))
            top, left, height, width = tf.unstack(part)
            return image[top : top + height, left : left + width]

        nothing = tf.zeros((0, 0, 3), tf.uint8)
        return tf.cond(self._is_kept_tensor[index], read, lambda: nothing)

    def read(self, index: int) -> np.ndarray | None:
        """Returns an image, uint8 (H, W, 3), or None if it is left out."""
        if not self._is_kept[index]:
            return None
        return self._store.get(index).reshape(*self._shapes[index], 3)


def cached_images(
    data: AnnotatedImages,
    cache: CachedImages | str | Path | None,
    image_size: int,
    skipped: set[str] | None,
) -> CachedImages | None:
    """Returns the cache that is asked for, or None for none; see CachedImages for the arguments."""
    if cache is None or isinstance(cache, CachedImages):
        return cache
    return CachedImages(data, cache, image_size, skipped)


class _Store(Protocol):
    """Where the values of images are kept, by index."""

    def has(self, index: int) -> bool: ...
    def put(self, index: int, image: np.ndarray) -> None: ...
    def get(self, index: int) -> np.ndarray: ...
    def values(self, index: tf.Tensor) -> tf.Tensor: ...


class _InMemory:
    def __init__(self, lengths):
        self._ends = np.cumsum(lengths)
        self._starts = self._ends - lengths
        try:
            self._values = np.zeros(self._ends[-1], np.uint8)
        except MemoryError as error:
            raise ValueError(
                f"cache: the images need {self._ends[-1] / 2**30:.1f} GiB of memory, which are not "
                "free; a folder can keep them"
            ) from error
        self._tensors = None

    def has(self, index):
        return False

    def put(self, index, image):
        self.get(index)[:] = image.reshape(-1)

    def get(self, index):
        return self._values[self._starts[index] : self._ends[index]]

    def values(self, index):
        with tf.init_scope():  # this is a tensor of its own and not a part of the graph
            if self._tensors is None:
                self._tensors = tuple(
                    tf.convert_to_tensor(array)
                    for array in (self._values, self._starts, self._ends)
                )
                self._values = np.asarray(memoryview(self._tensors[0]))  # no second copy stays
        values, starts, ends = self._tensors
        return values[starts[index] : ends[index]]


class _InFolder:
    def __init__(self, folder, keys, lengths):
        folder = checked_folder(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._files = [folder / f"{key}.rgb" for key in keys]
        self._lengths = lengths
        self._file_tensor = tf.constant([os.fsencode(file) for file in self._files])

    def has(self, index):
        try:
            return self._files[index].stat().st_size == self._lengths[index]
        except FileNotFoundError:
            return False

    def put(self, index, image):
        file = self._files[index]
        try:
            replace_file(file, lambda path: path.write_bytes(image.data), sync=False)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(file)) from error

    def get(self, index):
        return np.fromfile(self._files[index], np.uint8)

    def values(self, index):
        return tf.io.decode_raw(tf.io.read_file(self._file_tensor[index]), tf.uint8)


def _key(sample: Sample, side: int) -> str:
    """Returns a text that is another one if the image or the side is."""
    if isinstance(sample.image, bytes):
        identity = hashlib.sha256(sample.image).hexdigest()
    else:
        try:
            status = sample.image.stat()
            changed = status.st_mtime_ns, status.st_size
        except OSError:  # reading it will say what is wrong
            changed = (0, 0)
        identity = f"{sample.image.absolute()} {changed}"
    return hashlib.sha256(f"{identity} {sample.size} {side}".encode(errors="replace")).hexdigest()
