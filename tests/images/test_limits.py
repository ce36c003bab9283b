"""Sizes are checked from the headers of JPEG, PNG and WebP, before OpenCV decodes them."""

import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from keras_ssd.images import CorruptImageError, decode_image, read_image
from keras_ssd.images.headers import stated_size


def encode(kind, size=(40, 30), mode="RGB", **options) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, kind, **options)
    return file.getvalue()


def jpeg_of(width, height, progressive=False) -> bytes:
    """A JPEG file that states another size in its header than its data has."""
    data = encode("JPEG", progressive=progressive)
    start = data.index(b"\xff\xc2" if progressive else b"\xff\xc0")
    return data[: start + 5] + struct.pack(">HH", height, width) + data[start + 9 :]


def png_chunk(kind, content):
    return (
        struct.pack(">I4s", len(content), kind) + content + zlib.crc32(kind + content).to_bytes(4)
    )


def png_of(width, height) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return encode("PNG")[:8] + header + encode("PNG")[33:]


def webp_of(width, height, kind) -> bytes:
    data = bytearray(encode("WEBP", lossless=kind == "VP8L", exif=b"MM" if kind == "VP8X" else b""))
    assert data[12:16] == kind.encode().ljust(4)
    if kind == "VP8X":
        data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == "VP8L":
        bits = width - 1 | height - 1 << 14
        data[21:24] = bits.to_bytes(4, "little")[:3]
        data[24] = data[24] & 0xF0 | bits >> 24
    else:
        data[26:30] = struct.pack("<HH", width, height)
    return bytes(data)


FILES = {
    "JPEG": jpeg_of,
    "progressive JPEG": lambda width, height: jpeg_of(width, height, progressive=True),
    "PNG": png_of,
    "WebP": lambda width, height: webp_of(width, height, "VP8"),
    "lossless WebP": lambda width, height: webp_of(width, height, "VP8L"),
    "extended WebP": lambda width, height: webp_of(width, height, "VP8X"),
}
all_files = pytest.mark.parametrize("kind", FILES)


@all_files
def test_a_file_that_claims_a_huge_image_is_refused_before_it_is_decoded(kind, peak_of_memory):
    data = FILES[kind](16383, 16000)
    with pytest.raises(CorruptImageError) as error:
        decode_image(data, "bomb")
    assert str(error.value) == (
        "bomb: the image has 16383 x 16000 pixels, more than the limit of 100000000 "
        "(to read larger images, set the environment variable KERAS_SSD_MAX_PIXELS)"
    )
    assert peak_of_memory() < 50e6


@all_files
def test_the_limit_is_the_number_of_pixels_that_the_variable_says(kind, monkeypatch):
    data = FILES[kind](40, 30)
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "1200")
    assert decode_image(data, "image").shape == (30, 40, 3)
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "1199")
    with pytest.raises(CorruptImageError, match="40 x 30 pixels, more than the limit of 1199"):
        decode_image(data, "image")


@all_files
def test_the_size_in_the_header_is_that_of_the_image(kind):
    for width, height in ((40, 30), (1, 1), (255, 256), (4095, 4097)):
        assert stated_size(FILES[kind](width, height)) == (width, height)


@pytest.mark.parametrize("value", ["", "0", "-5", "1e6", "many", "²"])
def test_a_limit_that_is_not_a_positive_number_is_an_error(value, monkeypatch):
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", value)
    with pytest.raises(ValueError, match=f"KERAS_SSD_MAX_PIXELS: expected .*, not '{value}'"):
        decode_image(encode("PNG"), "image")


@pytest.mark.parametrize(("width", "height"), [(0, 30), (40, 0)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP"])
def test_an_image_without_pixels_is_an_error(kind, width, height):
    with pytest.raises(CorruptImageError, match=rf"no pixels \({width} x {height}\)"):
        decode_image(FILES[kind](width, height), "empty")


def test_a_jpeg_marker_without_a_segment_does_not_hide_the_size():
    data = jpeg_of(60000, 60000)
    start = data.index(b"\xff\xc0")
    # Read as a segment, the marker 0xff01 would reach to the second header, which is harmless.
    harmless = jpeg_of(40, 30)[start : start + 19]
    data = data[:start] + b"\xff\x01" + data[start : start + 19] + harmless + data[start + 19 :]
    with pytest.raises(CorruptImageError, match="60000 x 60000 pixels"):
        decode_image(data, "hidden")


def test_a_png_chunk_that_claims_gigabytes_is_refused(peak_of_memory):
    data = encode("PNG")
    start = data.index(b"IDAT") - 4
    data = data[:start] + struct.pack(">I", 0x7FFFFFFF) + data[start + 4 :]
    with pytest.raises(CorruptImageError, match="cut off"):
        decode_image(data, "bomb")
    assert peak_of_memory() < 50e6


def test_an_animation_in_png_with_a_frame_beyond_its_canvas_takes_no_memory(peak_of_memory):
    black = Image.new("RGB", (40, 30), 1)
    data = encode("PNG", save_all=True, append_images=[black])
    assert decode_image(data, "animation").shape == (30, 40, 3)
    start = data.index(b"fcTL")
    frame = data[start + 4 : start + 8] + struct.pack(">II", 60000, 60000)
    frame += data[start + 16 : start + 30]
    data = data[: start - 4] + png_chunk(b"fcTL", frame) + data[start + 34 :]
    with suppress(CorruptImageError):  # or only the first frame is decoded
        assert decode_image(data, "bomb").shape == (30, 40, 3)
    assert peak_of_memory() < 50e6


def test_a_file_too_large_for_an_image_is_not_read(tmp_path, peak_of_memory):
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no space
    with pytest.raises(CorruptImageError, match=r"disk\.img: too large for an image"):
        read_image(path)
    assert peak_of_memory() < 50e6


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_headers_are_never_another_error(kind, monkeypatch):
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "1000000")
    data, rng = encode(kind), np.random.default_rng(0)
    read, refused = 0, []
    for _ in range(300):
        damaged = bytearray(data)
        for place in rng.integers(0, min(100, len(data)), 2):
            damaged[place] = rng.choice([0, 255, rng.integers(256)])
        try:
            read += decode_image(bytes(damaged), "damaged").dtype == np.uint8
        except CorruptImageError as error:
            refused.append(str(error))
    assert read
    assert refused
    assert all(message.startswith("damaged: ") for message in refused)
