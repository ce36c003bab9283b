"""The size that is read without decoding an image equals the size of the decoded image."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from keras_ssd.images import CorruptImageError, decode_image, read_image
from keras_ssd.images.sizes import exif_orientation, image_size

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)


def encoded(format, orientation=None):
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, format, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("orientation", [None, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_the_size_is_that_of_the_decoded_image_however_it_is_turned(tmp_path, format, orientation):
    data = encoded(format, orientation)
    (tmp_path / "image").write_bytes(data)
    height, width = image_size(tmp_path / "image")
    assert (height, width) == read_image(tmp_path / "image").shape[:2]
    if format == "JPEG":
        assert exif_orientation(data) == (orientation if orientation in range(1, 9) else 1)


@pytest.mark.parametrize("suffix", [".bmp", ".tiff", ".ppm"])
def test_other_formats_are_decoded(tmp_path, suffix):
    cv2.imwrite(str(tmp_path / f"image{suffix}"), PIXELS)
    assert image_size(tmp_path / f"image{suffix}") == (30, 50)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_from_5_on_swaps_the_sides(orientation):
    height, width = decode_image(encoded("JPEG", orientation), "a").shape[:2]
    assert (height < width) == (orientation < 5)


@pytest.mark.parametrize("data", [b"", b"no image", encoded("JPEG")[:-9], encoded("PNG")[:-9]])
def test_a_file_that_is_not_a_whole_image_is_named(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(CorruptImageError, match=r"a\.jpg: "):
        image_size(tmp_path / "a.jpg")
    assert exif_orientation(data) == 1


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CorruptImageError, match=r"a\.jpg: No such file"):
        image_size(tmp_path / "a.jpg")
