import dataclasses
import itertools
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from keras_ssd.config import SSD_TINY_128
from keras_ssd.data import cached_images
from keras_ssd.data.augmentation import PaperAugmentation, at_most
from keras_ssd.data.cached_images import CachedImages
from keras_ssd.data.loading import load
from keras_ssd.data.pipeline import training_dataset
from keras_ssd.data.tf_augmentation import TFPaperAugmentation
from keras_ssd.images import CorruptImageError

MODEL = SimpleNamespace(config=SSD_TINY_128, num_classes=3)


@pytest.fixture(scope="module")
def drawn(drawn_voc):
    return load(drawn_voc, "train")[:6]


def two_batches(data, **options):
    batches = training_dataset(data, MODEL, batch_size=4, **options).as_numpy_iterator()
    return list(itertools.islice(batches, 2))


@pytest.mark.parametrize("augmentation", [TFPaperAugmentation(), PaperAugmentation()])
def test_batches_are_the_same_from_memory_a_folder_and_the_files(drawn, tmp_path, augmentation):
    options = {"augmentation": augmentation, "seed": 2}
    expected = two_batches(drawn, **options)
    for cache in ("memory", tmp_path / "cache", str(tmp_path / "cache")):
        found = two_batches(drawn, **options, cache=cache)
        for (images, targets), (same_images, same_targets) in zip(found, expected, strict=True):
            np.testing.assert_allclose(images, same_images, atol=6)  # two decoders of JPEG
            assert np.abs(images - same_images).mean() < 0.5
            np.testing.assert_array_equal(targets["classes"], same_targets["classes"])


def test_what_a_folder_holds_is_not_read_again_unless_the_image_changes(tmp_path, drawn_voc):
    data = load(drawn_voc, "train")[:3]
    read = []
    for sample in data:
        copy = tmp_path / sample.image.name
        copy.write_bytes(sample.image.read_bytes())
        object.__setattr__(sample, "image", copy)

    def images():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                cached_images,
                "read_or_skip",
                lambda sample, skipped: (read.append(sample.id), sample.read_image())[1],
            )
            return CachedImages(data, tmp_path / "cache", 128)

    first = images()
    assert sorted(read) == [sample.id for sample in data]
    read.clear()
    second = images()
    assert not read
    for index, sample in enumerate(data):
        np.testing.assert_array_equal(first.read(index), sample.read_image())
        np.testing.assert_array_equal(second.read(index), sample.read_image())
    changed = cv2.imencode(".jpg", np.zeros((*data[1].size, 3), np.uint8))[1].tobytes()
    data[1].image.write_bytes(changed)
    assert not images().read(1).any()
    assert read == [data[1].id]


@pytest.mark.parametrize("cache", ["memory", "folder"])
def test_large_images_are_shrunk_to_four_times_the_side(drawn, tmp_path, cache):
    images = CachedImages(drawn, cache if cache == "memory" else tmp_path / cache, 32)
    for index, sample in enumerate(drawn):
        expected = at_most(sample.read_image(), 128)
        assert max(expected.shape) == 128
        np.testing.assert_array_equal(images.read(index), expected)
        np.testing.assert_array_equal(images.sizes[index], expected.shape[:2])
        np.testing.assert_array_equal(images(index, (3, 4, 50, 60), 0), expected[3:53, 4:64])
        np.testing.assert_array_equal(images.read(index), expected)  # also after a graph read them


def test_an_image_that_cannot_be_read_is_an_error_or_skipped(tmp_path, drawn_voc):
    data = load(drawn_voc, "train")[:2]
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    object.__setattr__(data[1], "image", tmp_path / "broken.jpg")
    for cache in ("memory", tmp_path / "cache"):
        with pytest.raises(CorruptImageError, match=r"broken\.jpg"):
            CachedImages(data, cache, 64)
        skipped = set()
        images = CachedImages(data, cache, 64, skipped)
        assert skipped == {data[1].id}
        assert images.read(1) is None
        assert images(1, (0, 0, 1, 1), 0).shape == (0, 0, 3)


def test_a_cache_that_cannot_be_written_is_named(drawn, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match="file: expected a folder"):
        CachedImages(drawn, tmp_path / "file", 64)


def test_images_that_do_not_fit_the_memory_are_an_error_with_their_size(drawn):
    side = 2**23  # an image of more bytes than the addresses of a process
    huge = dataclasses.replace(drawn[0], size=(side, side))
    data = dataclasses.replace(drawn, samples=[huge])
    with pytest.raises(ValueError, match=r"^cache: the images need 196608\.0 GiB of memory, which"):
        CachedImages(data, "memory", side // 4)
