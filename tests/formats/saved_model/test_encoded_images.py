"""Decoding in TensorFlow's graph, compared with `keras_ssd.images.decode_image`."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_ssd.formats.saved_model import encoded_images
from keras_ssd.images import CorruptImageError, decode_image, resize_image

SIZE = 32


@tf.function(input_signature=[tf.TensorSpec((None,), tf.string)])
def decode(encoded):
    return encoded_images.decode_images(encoded, SIZE)


def photo(height=60, width=90, channels=3):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    return cv2.GaussianBlur(noise, (9, 9), 0)


def encode(image, extension=".jpg", *options):
    return cv2.imencode(extension, image, options)[1].tobytes()


def encode_by_pillow(mode, kind):
    file = io.BytesIO()
    Image.fromarray(photo()).convert(mode).save(file, kind)
    return file.getvalue()


def exif(orientation, order):
    """The TIFF structure within EXIF data; `order` is "<" or ">"."""
    entry = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    start = {"<": b"II", ">": b"MM"}[order]
    return start + struct.pack(f"{order}HIH", 42, 8, 1) + entry + bytes(4)


def with_segment(jpeg, payload):
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def png_of_size(width, height, pixels=b""):
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(pixels)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def jpeg_of_size(width, height):
    """A small JPEG with a header that claims another size."""
    jpeg = bytearray(encode(photo()))
    start = jpeg.index(b"\xff\xc0") + 5
    jpeg[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(jpeg)


JPEG, PNG = encode(photo()), encode(photo(), ".png")
GOOD = {
    "JPEG": JPEG,
    "progressive": encode(photo(), ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "gray JPEG": encode(photo()[..., 0]),
    "PNG": PNG,
    "gray PNG": encode(photo()[..., 0], ".png"),
    "transparent": encode(photo(channels=4), ".png"),
    "16 bits": encode(photo().astype(np.uint16) * 257, ".png"),
    "palette": encode_by_pillow("P", "PNG"),
    "1x1": encode(photo(1, 1), ".png"),
    "narrow": encode(photo(2, 900), ".png"),
    "bytes behind": JPEG + bytes(100),
}
BAD = {
    "empty": b"",
    "text": b"no image",
    "start of a JPEG": JPEG[:3],
    "header of a JPEG": JPEG[:300],
    "half a JPEG": JPEG[: len(JPEG) // 2],
    "JPEG without its end": JPEG[:-2],
    "start of a PNG": PNG[:8],
    "half a size": PNG[:20],
    "half a PNG": PNG[: len(PNG) // 2],
    "PNG without its end": PNG[:-12],
    "noise": JPEG[:300] + np.random.default_rng(0).bytes(3000),
    "PNG of no width": png_of_size(0, 5),
    "PNG of 3600 megapixels": png_of_size(60_000, 60_000, bytes(10**6)),
    "PNG wider than 2^31": png_of_size(2**32 - 1, 2**32 - 1),
    "JPEG of 4295 megapixels": jpeg_of_size(65_535, 65_535),
}
OTHER_FORMATS = {name: encode(photo(), f".{name}") for name in ("bmp", "webp", "gif")}


def expected(data):
    image = decode_image(data, "image")
    return resize_image(image, SIZE), image.shape[:2]


@pytest.mark.parametrize("kind", GOOD)
def test_an_image_is_what_opencv_decodes(kind):
    images, sizes = decode([GOOD[kind]])
    warped, size = expected(GOOD[kind])
    assert tuple(sizes[0].numpy()) == size
    np.testing.assert_allclose(images[0], warped, atol=1)  # cv2.resize rounds


def test_a_cmyk_jpeg_is_decoded():
    """Compared with the RGB image: OpenCV reads the ink differently from Pillow and TensorFlow."""
    images, sizes = decode([encode_by_pillow("CMYK", "JPEG")])
    assert sizes.numpy().tolist() == [[60, 90]]
    np.testing.assert_allclose(images[0], resize_image(photo(), SIZE), atol=12)


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_image_is_black_and_of_no_size(kind):
    with pytest.raises(CorruptImageError):
        decode_image(BAD[kind], kind)
    images, sizes = decode([BAD[kind]])
    assert sizes.numpy().tolist() == [[0, 0]]
    assert not images.numpy().any()


def test_other_formats_are_bad_too():
    _, sizes = decode(list(OTHER_FORMATS.values()))
    assert not sizes.numpy().any()


def test_bad_images_leave_the_others_in_their_places():
    mixed = [data for pair in zip(GOOD.values(), BAD.values(), strict=False) for data in pair]
    images, sizes = decode(mixed)
    alone, alone_sizes = decode(list(GOOD.values()))
    np.testing.assert_array_equal(images[::2], alone)
    np.testing.assert_array_equal(sizes[::2], alone_sizes)
    assert not sizes.numpy()[1::2].any()


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_an_image_of_more_pixels_than_the_limit_is_bad(extension, monkeypatch):
    monkeypatch.setattr(encoded_images, "MAX_PIXELS", 60 * 90)
    images = [encode(photo(*size), extension) for size in ((60, 90), (60, 91), (10, 540))]
    _, sizes = encoded_images.decode_images(tf.constant(images), SIZE)
    assert sizes.numpy().tolist() == [[60, 90], [0, 0], [10, 540]]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(10))
def test_the_exif_orientation_is_applied(orientation, order):
    jpeg = with_segment(JPEG, b"Exif\x00\x00" + exif(orientation, order))
    images, sizes = decode([jpeg])
    warped, size = expected(jpeg)
    assert tuple(sizes[0].numpy()) == size == ((90, 60) if 5 <= orientation <= 8 else (60, 90))
    np.testing.assert_allclose(images[0], warped, atol=1)


def test_a_png_can_have_an_exif_orientation():
    data = exif(6, ">")
    chunk = struct.pack(">I", len(data)) + b"eXIf" + data
    png = PNG[:33] + chunk + struct.pack(">I", zlib.crc32(b"eXIf" + data)) + PNG[33:]
    images, sizes = decode([png])
    warped, size = expected(png)
    assert tuple(sizes[0].numpy()) == size
    np.testing.assert_allclose(images[0], warped, atol=1)
