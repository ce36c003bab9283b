"""HEIC, the format of the photos of iPhones."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

from keras_ssd.images import CorruptImageError, decode_image

pillow_heif = pytest.importorskip("pillow_heif", reason='needs pip install "keras-ssd[heif]"')
RED = (200, 100, 50)


def photo():
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
    return small.resize((64, 48), Image.Resampling.BILINEAR)


def heic(image, **options):
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, format="HEIF", quality=95, chroma=444, **options)
    return file.getvalue()


def test_a_heic_photo_has_its_colors():
    decoded = decode_image(heic(Image.new("RGB", (70, 50), RED)), "a.heic")
    assert decoded.shape == (50, 70, 3)
    assert np.abs(decoded.astype(int) - RED).max() <= 3


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_a_heic_photo_of_another_mode_becomes_rgb(mode):
    decoded = decode_image(heic(photo().convert(mode)), "a.heic")
    expected = np.array(photo().convert(mode).convert("RGB"), int)
    assert decoded.shape == (48, 64, 3)
    assert np.abs(decoded - expected).mean() < 3


def test_the_exif_orientation_of_a_heic_photo_is_applied_once():
    image = Image.new("RGB", (64, 32))
    image.paste((255, 255, 255), (0, 0, 32, 32))  # white on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter clockwise
    turned = decode_image(heic(image, exif=exif.tobytes()), "a.heic")
    assert turned.shape == (64, 32, 3)
    assert turned[:28].min() > 200
    assert turned[36:].max() < 50


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9])
def test_a_heic_photo_that_is_cut_off_is_an_error(kept):
    data = heic(photo())
    with pytest.raises(CorruptImageError, match=r"^half\.heic: "):
        decode_image(data[: int(kept * len(data))], "half.heic")


def test_a_heic_photo_that_is_too_large_is_refused_before_it_is_decoded(monkeypatch):
    data = heic(photo())
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "3000")
    with pytest.raises(CorruptImageError, match=r"^a\.heic: the image has 64 x 48 pixels, more"):
        decode_image(data, "a.heic")


def test_without_pillow_heif_a_heic_photo_names_the_command_that_installs_it(monkeypatch):
    data = heic(photo())
    monkeypatch.setitem(sys.modules, "pillow_heif.as_plugin", None)
    with pytest.raises(CorruptImageError, match=r'^a\.heic: .*pip install "keras-ssd\[heif\]"'):
        decode_image(data, "a.heic")
