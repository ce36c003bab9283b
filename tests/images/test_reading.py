"""JPEG, PNG and WebP images, which OpenCV reads; and files that cannot be read."""

import io
import os
import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_ssd.images import CorruptImageError, decode_image, read_image


def encode(image, extension, *options) -> bytes:
    """An image in OpenCV's channel order (BGR), encoded."""
    done, data = cv2.imencode(extension, image, options)
    assert done
    return data.tobytes()


def photo(height=48, width=64):
    """A picture with some detail, so that its encodings are not trivially short."""
    rng = np.random.default_rng(0)
    return cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (width, height))


def with_exif_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Inserts an APP1 segment with only the orientation after the start marker."""
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)  # tag, short, one value
    tiff = b"MM\x00\x2a" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    payload = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def test_channels_come_as_red_green_blue():
    red, green, blue = (0, 0, 255), (0, 255, 0), (255, 0, 0)  # in OpenCV's order
    image = np.array([[red, green, blue]], np.uint8)
    decoded = decode_image(encode(image, ".png"), "colors.png")
    assert decoded.dtype == np.uint8
    assert decoded.tolist() == [[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]


def test_a_jpeg_comes_back_nearly_as_it_was():
    decoded = decode_image(encode(photo(), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 100), "photo.jpg")
    difference = decoded.astype(int) - photo()[:, :, ::-1]
    assert np.abs(difference).mean() < 5


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_grayscale_becomes_three_equal_channels(extension):
    decoded = decode_image(encode(np.full((5, 7), 90, np.uint8), extension), "gray")
    assert decoded.shape == (5, 7, 3)
    assert (decoded == 90).all()


def test_transparency_is_dropped():
    image = np.full((5, 7, 4), (10, 20, 30, 0), np.uint8)
    decoded = decode_image(encode(image, ".png"), "transparent.png")
    assert decoded.shape == (5, 7, 3)
    assert (decoded == (30, 20, 10)).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_become_eight(channels):
    image = np.full((5, 7, channels), 200 * 256 + 17, np.uint16)
    decoded = decode_image(encode(image, ".png"), "deep.png")
    assert decoded.dtype == np.uint8
    assert decoded.shape == (5, 7, 3)
    assert (decoded == 200).all()


def test_the_exif_orientation_is_applied():
    image = np.zeros((16, 32, 3), np.uint8)
    image[:, :16] = 255  # white on the left
    jpeg = encode(image, ".jpg")
    upright = decode_image(with_exif_orientation(jpeg, 1), "upright.jpg")
    assert upright.shape == (16, 32, 3)
    turned = decode_image(with_exif_orientation(jpeg, 6), "turned.jpg")  # a quarter clockwise
    assert turned.shape == (32, 16, 3)
    assert turned[:12].min() > 200
    assert turned[20:].max() < 50


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_exif_orientation_of_png_and_webp_is_applied(kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter clockwise
    file = io.BytesIO()
    Image.fromarray(photo()).save(file, kind, exif=exif, lossless=True)
    decoded = decode_image(file.getvalue(), "turned")
    np.testing.assert_array_equal(decoded, np.rot90(photo(), -1))


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("CMYK", (30, 180, 200, 40), (190, 63, 46)),  # 190 is (255 - 30) * (255 - 40) / 255
        ("L", 90, (90, 90, 90)),
        ("RGB", (200, 100, 50), (200, 100, 50)),
    ],
)
def test_the_color_of_a_jpeg_is_right_in_every_color_space(mode, color, expected):
    file = io.BytesIO()
    Image.new(mode, (16, 16), color).save(file, "JPEG", quality=100)
    decoded = decode_image(file.getvalue(), "flat.jpg")
    assert np.abs(decoded.astype(int) - expected).max() <= 3


@pytest.mark.parametrize(
    ("mode", "color", "expected"),
    [
        ("P", 1, (200, 100, 50)),
        ("LA", (90, 0), (90, 90, 90)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 200 * 256 + 17, (200, 200, 200)),
        ("RGBA", (200, 100, 50, 0), (200, 100, 50)),
    ],
)
def test_the_color_of_a_png_is_right_in_every_mode(mode, color, expected):
    image = Image.new(mode, (7, 5), color)
    if mode == "P":
        image.putpalette([0, 0, 0, 200, 100, 50])
    file = io.BytesIO()
    image.save(file, "PNG")
    assert (decode_image(file.getvalue(), "flat.png") == expected).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "MPO"])
def test_of_several_frames_the_first_is_taken(kind):
    first, second = Image.new("RGB", (16, 16), (200, 100, 50)), Image.new("RGB", (16, 16))
    file = io.BytesIO()
    options = {"quality": 100} if kind == "MPO" else {"lossless": True}
    first.save(file, kind, save_all=True, append_images=[second], **options)
    decoded = decode_image(file.getvalue(), "frames")
    assert np.abs(decoded.astype(int) - (200, 100, 50)).max() <= 3


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_bytes_after_the_end_of_an_image_do_no_harm(extension):
    data = encode(photo(), extension)
    expected = decode_image(data, "photo")
    # phones put whole videos there, which hold JPEG markers by chance
    trailer = np.random.default_rng(0).bytes(1000) + b"\xff\xda" + bytes(100)
    assert (decode_image(data + trailer, "photo") == expected).all()


def test_a_progressive_jpeg_is_whole_although_it_has_many_scans():
    data = encode(photo(), ".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
    assert data.count(b"\xff\xda") > 1
    assert decode_image(data, "progressive.jpg").shape == (48, 64, 3)


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_jpeg_that_is_cut_off_is_an_error(kept, options):
    data = encode(photo(), ".jpg", *options)
    with pytest.raises(CorruptImageError, match=r"^half\.jpg: the image is cut off"):
        decode_image(data[: int(kept * len(data))], "half.jpg")


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_png_that_is_cut_off_is_an_error(kept):
    data = encode(photo(), ".png")
    with pytest.raises(CorruptImageError, match=r"^half\.png: the image is cut off"):
        decode_image(data[: int(kept * len(data))], "half.png")


def test_a_cut_off_jpeg_with_a_whole_thumbnail_is_an_error():
    thumbnail = encode(photo(12, 16), ".jpg")
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    data = encode(photo(), ".jpg")
    data = data[:2] + segment + data[2:]
    assert decode_image(data, "photo.jpg").shape == (48, 64, 3)
    with pytest.raises(CorruptImageError, match=r"^photo\.jpg: the image is cut off"):
        decode_image(data[:-50], "photo.jpg")


@pytest.mark.parametrize(
    "data",
    [
        b"not an image\n",
        b"\x00" * 100,
        b"\xff\xd8\xff\xd9",
        b"\x89PNG",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x04\x00\x00\x00WEBP",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",  # Pillow would start Ghostscript
    ],
)
def test_what_is_no_image_is_an_error_that_names_it(data):
    with pytest.raises(CorruptImageError, match=r"^notes\.txt: "):
        decode_image(data, "notes.txt")


def test_no_bytes_are_an_error():
    with pytest.raises(CorruptImageError, match=r"^empty\.jpg: .*0 bytes"):
        decode_image(b"", "empty.jpg")


def test_a_file_is_read_by_string_and_by_path(tmp_path):
    path = tmp_path / "photo é.png"  # OpenCV's own reader fails on such names on some systems
    path.write_bytes(encode(photo(), ".png"))
    for name in (path, str(path)):
        assert (read_image(name) == photo()[:, :, ::-1]).all()


def test_files_that_cannot_be_read_are_errors_that_name_the_path(tmp_path):
    empty, text = tmp_path / "empty.jpg", tmp_path / "text.jpg"
    empty.write_bytes(b"")
    text.write_text("hello")
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    for path, reason in (
        (tmp_path / "missing.jpg", "No such file or directory"),
        (tmp_path, "it is a folder"),
        (pipe, "it is not a regular file"),
        (tmp_path / "a\0.jpg", "embedded null byte"),
        (empty, "0 bytes"),
        (text, "not an image"),
    ):
        with pytest.raises(CorruptImageError, match=reason) as error:
            read_image(path)
        assert str(error.value).startswith(f"{path}: ")


def test_a_corrupt_image_is_a_value_error():
    assert issubclass(CorruptImageError, ValueError)
