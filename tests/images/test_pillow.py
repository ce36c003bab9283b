"""The formats that Pillow reads, and images of PIL."""

import io
import sys
import warnings

import numpy as np
import pytest
from PIL import Image

from keras_ssd.images import CorruptImageError, checked_image, decode_image

RED, GRAY = (200, 100, 50), 90
DEEP = 200 * 256 + 17  # a value of 16 bits; its upper 8 are 200


def encode(image, kind, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photo(width=64, height=48):
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
    return small.resize((width, height), Image.Resampling.BILINEAR)


def turned_by_exif():
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter clockwise
    return exif


# Right values -------------------------------------------------------------------------------------

GRAY_ALPHA = Image.merge("LA", [Image.new("L", (7, 5), GRAY), Image.new("L", (7, 5), 0)])
FLAT = {
    "AVIF": (encode(Image.new("RGB", (7, 5), RED), "AVIF", quality=100), RED),
    "BMP": (encode(Image.new("RGB", (7, 5), RED), "BMP"), RED),
    "BMP with alpha": (encode(Image.new("RGBA", (7, 5), (*RED, 0)), "BMP"), RED),
    "GIF": (encode(Image.new("RGB", (7, 5), RED), "GIF"), RED),
    "transparent GIF": (
        encode(Image.new("RGB", (7, 5), RED).convert("P", palette=1), "GIF", transparency=0),
        RED,
    ),
    "JPEG 2000": (encode(Image.new("RGB", (7, 5), RED), "JPEG2000"), RED),
    "PNM": (encode(Image.new("RGB", (7, 5), RED), "PPM"), RED),
    "PNM as text": (b"P3 7 5 255 " + b"200 100 50 " * 35, RED),
    "PNM of 16 bits": (b"P5 7 5 65535\n" + DEEP.to_bytes(2, "big") * 35, (200,) * 3),
    "PNM of 10 bits": (b"P6 7 5 1023\n" + (512).to_bytes(2, "big") * 105, (128,) * 3),
    "TIFF": (encode(Image.new("RGB", (7, 5), RED), "TIFF"), RED),
    "TIFF with alpha": (encode(Image.new("RGBA", (7, 5), (*RED, 0)), "TIFF"), RED),
    "TIFF, LZW, with alpha": (
        encode(Image.new("RGBA", (7, 5), (*RED, 0)), "TIFF", compression="tiff_lzw"),
        RED,
    ),
    "TIFF of JPEG": (
        encode(Image.new("RGB", (7, 5), RED), "TIFF", compression="jpeg", quality=100),
        RED,
    ),
    "TIFF in CMYK": (  # red is (255 - 30) * (255 - 40) / 255 and so on
        encode(Image.new("CMYK", (7, 5), (30, 180, 200, 40)), "TIFF"),
        (190, 63, 46),
    ),
    "TIFF with a palette": (encode(Image.new("RGB", (7, 5), RED).quantize(2), "TIFF"), RED),
    "gray TIFF with alpha": (encode(GRAY_ALPHA, "TIFF"), (GRAY,) * 3),
    "gray TIFF": (encode(Image.new("L", (7, 5), GRAY), "TIFF"), (GRAY,) * 3),
    "gray TIFF of 16 bits": (
        encode(Image.fromarray(np.full((5, 7), DEEP, np.uint16)), "TIFF"),
        (200,) * 3,
    ),
    "black and white TIFF": (
        encode(Image.new("1", (7, 5), 1), "TIFF", compression="group4"),
        (255,) * 3,
    ),
}


@pytest.mark.parametrize("kind", FLAT)
def test_an_image_of_one_color_has_this_color(kind):
    data, color = FLAT[kind]
    image = decode_image(data, kind)
    assert image.dtype == np.uint8
    assert image.shape == (5, 7, 3)
    assert image.flags.writeable
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - color).max() <= (2 if "JPEG" in kind or kind == "AVIF" else 0)


def test_rgb_of_16_bits_in_a_tiff_becomes_8_bits():
    tags = [(256, 4, 7), (257, 4, 5), (258, 3, 16), (259, 3, 1), (262, 3, 2), (273, 4, 146)]
    data = tiff([*tags, (277, 3, 3), (278, 4, 5), (279, 4, 210)], DEEP.to_bytes(2, "little") * 105)
    assert (decode_image(data, "deep.tif") == 200).all()


@pytest.mark.parametrize("kind", ["BMP", "GIF", "PPM", "TIFF"])
def test_lossless_formats_keep_every_pixel(kind):
    image = photo().quantize(200).convert("RGB")
    np.testing.assert_array_equal(decode_image(encode(image, kind), kind), np.array(image))


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "AVIF"])
def test_of_several_frames_the_first_is_taken(kind):
    black = Image.new("RGB", (7, 5))
    data = encode(Image.new("RGB", (7, 5), RED), kind, save_all=True, append_images=[black])
    assert np.abs(decode_image(data, kind).astype(int) - RED).max() <= 3


@pytest.mark.parametrize("kind", ["TIFF", "AVIF"])
def test_the_exif_orientation_is_applied(kind):
    image = Image.new("RGB", (32, 16))
    image.paste((255, 255, 255), (0, 0, 16, 16))  # white on the left
    turned = decode_image(encode(image, kind, exif=turned_by_exif()), kind)
    assert turned.shape == (32, 16, 3)
    assert turned[:12].min() > 200
    assert turned[20:].max() < 50


# Damage -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["AVIF", "BMP", "GIF", "JPEG2000", "PPM", "TIFF"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.9, 0.99])
def test_an_image_that_is_cut_off_is_an_error(kind, kept):
    data = encode(photo(), kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, about what it skips
        with pytest.raises(CorruptImageError, match=r"^half: "):
            decode_image(data[: int(kept * len(data))], "half")


def test_pixels_of_32_bits_are_refused_because_their_range_is_not_known():
    data = encode(Image.fromarray(np.full((5, 7), 0.5, np.float32)), "TIFF")
    with pytest.raises(CorruptImageError, match=r"^depth\.tif: .*8 or 16 bits.*mode F"):
        decode_image(data, "depth.tif")


def test_without_pillow_other_formats_name_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(CorruptImageError, match=r"^a\.tif: not a JPEG.* pip install pillow$"):
        decode_image(FLAT["TIFF"][0], "a.tif")


# Too large ----------------------------------------------------------------------------------------


def tiff(entries, pixels=b""):
    """A TIFF file of one image: its tags (tag, type, value), then its pixels."""
    packed = b"".join(
        tag.to_bytes(2, "little")
        + kind.to_bytes(2, "little")
        + (1).to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, kind, value in entries
    )
    start = b"II*\0" + (8).to_bytes(4, "little") + len(entries).to_bytes(2, "little")
    return (start + packed + bytes(4)).ljust(146, b"\0") + pixels


GRAY_TIFF = [(258, 3, 8), (259, 3, 5), (262, 3, 1), (277, 3, 1)]
STRIP = [(273, 4, 146), (278, 4, 1 << 30), (279, 4, 9)]
TILE = [(322, 4, 60000), (323, 4, 60000), (324, 4, 146), (325, 4, 9)]
TOO_LARGE = {
    "GIF": b"GIF89a\xff\xff\x80\x3e\x80\0\0"
    + bytes(6)
    + b",\0\0\0\0\xff\xff\x80\x3e\0\x02\x02\x44\x01\0;",
    "BMP": encode(Image.new("RGB", (1, 1)), "BMP")[:18]
    + (60000).to_bytes(4, "little") * 2
    + encode(Image.new("RGB", (1, 1)), "BMP")[26:],
    "PNM": b"P6 60000 60000 255\n" + bytes(60),
    "TIFF": tiff([(256, 4, 60000), (257, 4, 60000), *GRAY_TIFF, *STRIP], bytes(9)),
    "TIFF with a tile": tiff([(256, 4, 16), (257, 4, 16), *GRAY_TIFF, *TILE], bytes(9)),
    "JPEG 2000": encode(Image.new("RGB", (9, 9)), "JPEG2000", no_jp2=True)[:8]
    + (60000).to_bytes(4, "big") * 2
    + encode(Image.new("RGB", (9, 9)), "JPEG2000", no_jp2=True)[16:],
}


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_a_small_file_that_claims_a_huge_image_is_refused(kind, peak_of_memory):
    with pytest.raises(CorruptImageError, match=r"^bomb: .*KERAS_SSD_MAX_PIXELS"):
        decode_image(TOO_LARGE[kind], "bomb")
    assert peak_of_memory() < 100e6


def test_a_jpeg_2000_image_may_have_half_as_many_pixels(monkeypatch):
    data = encode(Image.new("RGB", (10, 10)), "JPEG2000")
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "200")
    assert decode_image(data, "a.jp2").shape == (10, 10, 3)
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "199")
    with pytest.raises(CorruptImageError, match=r"10 x 10 pixels, more than the limit of 99 "):
        decode_image(data, "a.jp2")


def test_a_higher_limit_holds_for_pillow_too(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "100000001")
    assert decode_image(FLAT["TIFF"][0], "a.tif").shape == (5, 7, 3)
    assert Image.MAX_IMAGE_PIXELS == 100_000_001


def test_the_default_limit_leaves_the_limit_of_pillow_as_it_is(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(CorruptImageError, match=r"^a\.tif: .*exceeds limit"):
        decode_image(FLAT["TIFF"][0], "a.tif")
    assert Image.MAX_IMAGE_PIXELS == 10


# Images of PIL ------------------------------------------------------------------------------------

PIL_IMAGES = {
    "RGB": (Image.new("RGB", (7, 5), RED), RED),
    "RGBA": (Image.new("RGBA", (7, 5), (*RED, 0)), RED),
    "L": (Image.new("L", (7, 5), GRAY), (GRAY,) * 3),
    "LA": (GRAY_ALPHA, (GRAY,) * 3),
    "1": (Image.new("1", (7, 5), 1), (255,) * 3),
    "P": (Image.new("RGB", (7, 5), RED).quantize(2), RED),
    "I;16": (Image.fromarray(np.full((5, 7), DEEP, np.uint16)), (200,) * 3),
    "CMYK": (Image.new("CMYK", (7, 5), (30, 180, 200, 40)), (190, 63, 46)),
}


@pytest.mark.parametrize("mode", PIL_IMAGES)
def test_an_image_of_pil_is_accepted_where_an_array_is(mode):
    image, color = PIL_IMAGES[mode]
    array = checked_image(image, "image")
    assert array.dtype == np.uint8
    assert array.shape == (5, 7, 3)
    assert (array == color).all()


def test_a_palette_with_several_transparent_colors_is_converted_without_a_warning():
    image = photo().quantize(200)
    data = encode(image, "PNG", transparency=bytes(range(200)))
    expected = np.array(image.convert("RGB"))
    np.testing.assert_array_equal(checked_image(Image.open(io.BytesIO(data)), "image"), expected)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_the_exif_orientation_of_an_image_of_pil_is_applied_and_the_image_stays(kind):
    data = encode(photo(), kind, exif=turned_by_exif())
    image = Image.open(io.BytesIO(data))
    array = checked_image(image, "image")
    assert array.shape == (64, 48, 3)
    difference = array.astype(int) - decode_image(data, "the same file")
    assert np.abs(difference).mean() < 1
    if kind != "TIFF":  # Pillow itself turns a TIFF image once it is loaded
        assert image.size == (64, 48)


def test_an_image_of_pil_that_cannot_be_decoded_is_an_error_that_names_it():
    image = Image.open(io.BytesIO(encode(photo(), "PNG")[:-200]))
    with pytest.raises(CorruptImageError, match=r"^sources\[3\]: Pillow cannot read the image"):
        checked_image(image, "sources[3]")


def test_an_image_of_pil_that_is_too_large_is_not_decoded(monkeypatch):
    monkeypatch.setenv("KERAS_SSD_MAX_PIXELS", "34")
    with pytest.raises(CorruptImageError, match=r"^image: .*7 x 5 pixels, more than .* 34"):
        checked_image(PIL_IMAGES["RGB"][0], "image")
