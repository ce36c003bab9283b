"""Images inside a graph: those that TensorFlow decodes, and those that Python has to read."""

import dataclasses
import io

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_ssd.data import tf_reading
from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.pipeline import unwrapped_errors
from keras_ssd.data.sample import Sample
from keras_ssd.data.tf_reading import ImageParts
from keras_ssd.images import CorruptImageError

HEIGHT, WIDTH = 48, 64
WHOLE = (0, 0, HEIGHT, WIDTH)


def smooth(height=HEIGHT, width=WIDTH):
    noise = np.random.default_rng(3).integers(0, 256, (4, 5, 3), np.uint8)
    return cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)


def encoded(suffix=".jpg", image=None):
    image = smooth() if image is None else image
    return cv2.imencode(suffix, image[..., ::-1] if image.ndim == 3 else image)[1].tobytes()


def by_pillow(mode="RGB", orientation=None, **options):
    file, exif = io.BytesIO(), Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
        options["exif"] = exif
    Image.fromarray(smooth()).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def sample(image, size=(HEIGHT, WIDTH)):
    return Sample(
        "the-id",
        image,
        size,
        np.zeros((0, 4), np.float32),
        np.zeros(0, np.int32),
        np.zeros(0, bool),
    )


@pytest.fixture
def part_of(tmp_path, monkeypatch):
    """Reads a part of an image in a graph; returns it, and whether Python had to read it."""
    in_python = []

    def read(one, skipped):
        in_python.append(one)
        return one.read_image()

    monkeypatch.setattr(tf_reading, "read_or_skip", read)

    def get(data, part=WHOLE, halvings=0, size=(HEIGHT, WIDTH), as_bytes=False):
        file = tmp_path / "photo.jpg"
        file.write_bytes(data)
        one = sample(data if as_bytes else file, size)
        parts = ImageParts(AnnotatedImages([one], ()))
        dataset = tf.data.Dataset.from_tensors(0).map(
            lambda index: parts(index, tf.constant(part), tf.constant(halvings))
        )
        in_python.clear()
        with unwrapped_errors():
            (found,) = dataset.as_numpy_iterator()
        return found, bool(in_python)

    return get


@pytest.mark.parametrize(
    ("data", "reads_in_python"),
    [
        (encoded(), False),
        (encoded(image=smooth()[..., 0]), False),  # grayscale
        (by_pillow(progressive=True), False),
        (by_pillow(subsampling=0), False),
        (by_pillow(orientation=1), False),
        *[(by_pillow(orientation=number), True) for number in (2, 3, 4)],
        (encoded() + b"more", True),
        (by_pillow("CMYK"), True),
        (encoded(".png"), True),
        (encoded(".webp"), True),
    ],
)
def test_images_of_all_kinds_are_read_as_sample_reads_them(part_of, data, reads_in_python):
    found, in_python = part_of(data)
    expected = sample(data).read_image()
    assert in_python == reads_in_python
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= (0 if in_python else 3)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_an_image_that_exif_turns_has_the_turned_size(part_of, orientation):
    data = by_pillow(orientation=orientation)
    size = WIDTH, HEIGHT
    found, in_python = part_of(data, (0, 0, *size), size=size)
    assert in_python
    np.testing.assert_array_equal(found, sample(data, size).read_image())


def test_little_endian_exif_is_understood(part_of):
    for value, in_python in [(1, False), (6, True)]:
        tag = b"\x12\x01\x03\x00\x01\x00\x00\x00" + bytes([value, 0, 0, 0])
        body = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + tag + bytes(4)
        segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
        data = encoded()[:2] + segment + encoded()[2:]
        size = (WIDTH, HEIGHT) if in_python else (HEIGHT, WIDTH)
        assert part_of(data, (0, 0, *size), size=size)[1] == in_python


def test_bytes_are_read_as_files_are(part_of):
    np.testing.assert_allclose(part_of(encoded(), as_bytes=True)[0], part_of(encoded())[0], atol=3)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("part", [(5, 7, 20, 30), (47, 63, 1, 1), (0, 0, 1, 64)])
def test_a_part_is_cut_out_of_the_whole(part_of, suffix, part):
    top, left, height, width = part
    expected = sample(encoded(suffix)).read_image()[top : top + height, left : left + width]
    np.testing.assert_allclose(part_of(encoded(suffix), part)[0], expected, atol=3)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("halvings", [1, 2, 3])
def test_a_part_is_halved_in_size(part_of, suffix, halvings):
    found, _ = part_of(encoded(suffix), (8, 16, 32, 40), halvings)
    whole = sample(encoded(suffix)).read_image()[8:40, 16:56].astype(float)
    times = 2**halvings
    expected = whole.reshape(32 // times, times, 40 // times, times, 3).mean(axis=(1, 3))
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 4


@pytest.mark.parametrize("pixels", [(1, 1), (1, 9), (10_000, 2)])
def test_tiny_and_long_images_are_read(part_of, pixels):
    found, _ = part_of(encoded(image=smooth(*pixels)), (0, 0, *pixels), size=pixels)
    assert found.shape == (*pixels, 3)


def damaged_tables():
    data = encoded()
    start = data.index(b"\xff\xc4") + 5  # the counts of codes by length, which become too large
    return data[:start] + b"\xf0" * 16 + data[start + 16 :]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"no image", "not an image that can be decoded"),
        (encoded()[:400], "cut off"),
        (encoded()[:-2], "cut off"),
        (encoded(".png")[:400], "cut off"),
        (damaged_tables(), "damaged"),
        (encoded(image=smooth(40, 60)), r"\(40, 60\).*annotation says \(48, 64\)"),
        (by_pillow(orientation=6), r"\(64, 48\).*annotation says \(48, 64\)"),
    ],
)
def test_an_image_that_cannot_be_read_is_an_error_that_names_the_file(part_of, data, message):
    with pytest.raises(CorruptImageError, match=rf"photo\.jpg: .*{message}"):
        part_of(data)


def test_a_missing_file_a_folder_and_a_damaged_one_among_others_are_named(tmp_path):
    good = tmp_path / "good.jpg"
    good.write_bytes(encoded())
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "damaged.jpg").write_bytes(damaged_tables())
    expected = {"missing.jpg": "No such file", "folder.jpg": "folder", "damaged.jpg": "damaged"}
    for name, message in expected.items():
        samples = [sample(good), dataclasses.replace(sample(tmp_path / name), id="other")]
        parts = ImageParts(AnnotatedImages(samples, ()))
        dataset = tf.data.Dataset.range(2).map(
            lambda index, parts=parts: parts(index, tf.constant(WHOLE), tf.constant(0))
        )
        with pytest.raises(CorruptImageError, match=f"{name}: .*{message}"), unwrapped_errors():
            list(dataset)


def test_with_skipped_an_image_that_cannot_be_read_is_empty(tmp_path):
    (tmp_path / "damaged.jpg").write_bytes(damaged_tables())
    skipped = set()
    parts = ImageParts(AnnotatedImages([sample(tmp_path / "damaged.jpg")], ()), skipped)
    assert parts(0, tf.constant(WHOLE), tf.constant(0)).shape == (0, 0, 3)
    assert skipped == {"the-id"}
