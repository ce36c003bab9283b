"""A folder of images of all kinds, and of files that are none: each is detected or named."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from keras_ssd.outputs.detecting import detect_to_folder

pillow = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def png(width, height):
    """A PNG of this size, according to its header."""

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def write_good(folder):
    """Writes an image of 30 x 20 pixels in each kind of file; one of them is turned by EXIF."""
    noise = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    image = pillow.fromarray(noise)
    turned = pillow.Exif()
    turned[0x0112] = 6
    cv2.imwrite(str(folder / "16 bit.png"), noise.astype(np.uint16) * 257)
    for name, converted, format, options in (
        ("exif.jpg", image, "JPEG", {"exif": turned}),
        ("cmyk.jpg", image.convert("CMYK"), "JPEG", {}),
        ("gray.jpg", image.convert("L"), "JPEG", {}),
        ("palette.png", image.quantize(16), "PNG", {"transparency": 3}),
        ("gray with alpha.png", image.convert("LA"), "PNG", {}),
        ("alpha.png", image.convert("RGBA"), "PNG", {}),
        ("still.gif", image, "GIF", {}),
        ("is a png.jpg", image, "PNG", {}),
        ("is a gif.jpg", image, "GIF", {}),
        ("a.webp", image, "WEBP", {}),
        ("a.bmp", image, "BMP", {}),
        ("a.tif", image, "TIFF", {}),
        ("two pictures.mpo", image, "MPO", {"save_all": True, "append_images": [image]}),
    ):
        converted.save(folder / name, format, **options)


def write_bad(folder):
    """Writes files that cannot be used; returns a part of the message about each by its name."""
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3), np.uint8)
    whole = {suffix: cv2.imencode(suffix, noise)[1].tobytes() for suffix in (".jpg", ".png")}
    files = {
        "empty.jpg": (b"", "is empty"),
        "empty.mp4": (b"", ""),
        "cut.jpg": (whole[".jpg"][:-200], "cut off"),
        "cut.png": (whole[".png"][:-200], "cut off"),
        "text.jpg": (b"no image", "not an image that can be decoded"),
        "text.mp4": (b"no video", "not a video"),
        "bomb.png": (png(60_000, 60_000), "60000 x 60000 pixels, more than the limit"),
        "nothing.png": (png(0, 0), "the image has no pixels"),
    }
    for name, (content, _) in files.items():
        (folder / name).write_bytes(content)
    return {name: message for name, (_, message) in files.items()}


def test_each_good_file_is_detected_and_each_bad_one_named_with_its_reason(
    detector, folder, tmp_path
):
    pytest.importorskip("av")
    write_good(folder)
    good = {path.name for path in folder.iterdir()}
    bad = write_bad(folder)
    sizes = {}
    problems = detect_to_folder(
        detector,
        folder,
        tmp_path / "out",
        on_image=lambda found, path: sizes.update({found.image: found.size}),
    )
    assert {name: (20, 30) for name in good} | {"exif.jpg": (30, 20)} == {
        image.removeprefix(f"{folder}/"): size for image, size in sizes.items()
    }
    assert len(list((tmp_path / "out").glob("*.jpg"))) == len(good) == 14
    assert len(problems) == len(bad)
    for name, message in bad.items():
        (problem,) = [one for one in problems if one.startswith(f"{folder / name}: ")]
        assert message in problem
