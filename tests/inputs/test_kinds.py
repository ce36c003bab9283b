"""The kind of a file follows from its first bytes, then from its suffix."""

import io

import pytest
from PIL import Image

from keras_ssd.inputs.kinds import Kind, is_media_name, kind_of

RED, BLACK = Image.new("RGB", (16, 16), "red"), Image.new("RGB", (16, 16))


def encode(kind, **options):
    file = io.BytesIO()
    RED.copy().save(file, kind, **options)  # saving as JPEG changes the image object
    return file.getvalue()


def kind(data, name="unknown"):
    return kind_of(io.BytesIO(data), name)


@pytest.mark.parametrize("encoding", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF", "JPEG2000"])
@pytest.mark.parametrize("name", ["right", "wrong.mp4", "wrong.txt"])
def test_an_image_is_known_by_its_first_bytes(encoding, name):
    assert kind(encode(encoding), name) is Kind.IMAGE


@pytest.mark.parametrize(("encoding", "is_a"), [("GIF", "VIDEO"), ("WEBP", "WEBP_ANIMATION")])
def test_an_animation_is_not_an_image(encoding, is_a):
    data = encode(encoding, save_all=True, append_images=[BLACK])
    assert kind(data, "animation.jpg") is Kind[is_a]


def test_a_gif_of_one_picture_with_comments_and_a_table_of_colors_is_an_image():
    noise = Image.effect_noise((90, 80), 99).quantize(256)
    file = io.BytesIO()
    noise.save(file, "GIF", comment=b"," * 600, transparency=3)
    assert kind(file.getvalue()) is Kind.IMAGE
    noise.save(file := io.BytesIO(), "GIF", save_all=True, append_images=[RED], comment=b"," * 600)
    assert kind(file.getvalue()) is Kind.VIDEO


@pytest.mark.parametrize("encoding", ["PNG", "TIFF", "AVIF", "MPO"])
def test_other_images_of_several_pictures_are_images(encoding):
    data = encode(encoding, save_all=True, append_images=[BLACK])
    assert kind(data) is Kind.IMAGE


@pytest.mark.parametrize(
    "beginning",
    [
        b"\0\0\0\x20ftypisom",
        b"\0\0\0\x14ftypqt  ",
        b"\x1aE\xdf\xa3",
        b"RIFF\0\0\0\0AVI LIST",
        b"OggS",
        b"FLV\x01",
        b"\0\0\x01\xba",
        b"0&\xb2u\x8ef\xcf\x11",
    ],
)
def test_a_video_is_known_by_its_first_bytes(beginning):
    assert kind(beginning.ljust(64, b"\0"), "wrong.jpg") is Kind.VIDEO


@pytest.mark.parametrize("brand", [b"avif", b"heic", b"mif1"])
def test_a_heif_image_is_not_taken_for_an_mp4(brand):
    assert kind(b"\0\0\0\x20ftyp" + brand, "photo.mp4") is Kind.IMAGE


@pytest.mark.parametrize("data", [b"", b"text", b"GI", b"RIFF", b"\0\0\0\x20ftyp"[:7]])
def test_the_suffix_decides_where_the_content_is_unknown(data):
    assert kind(data, "a.JPG") is Kind.IMAGE
    assert kind(data, "a.MP4") is Kind.VIDEO
    assert kind(data, "a.txt") is None
    assert kind(data, "a") is None


def test_a_cut_off_gif_is_an_image_and_a_cut_off_webp_does_no_harm():
    gif = encode("GIF", save_all=True, append_images=[BLACK])
    assert kind(gif[:12]) is Kind.IMAGE
    webp = encode("WEBP", save_all=True, append_images=[BLACK])
    assert kind(webp[:16]) is Kind.IMAGE


def test_pictures_one_after_another_are_a_video():
    assert kind(encode("JPEG") * 2, "camera.mjpg") is Kind.VIDEO


@pytest.mark.parametrize("name", ["a.jpg", "A.JPEG", "b.mp4", "c.HEIC", "d.e.webm"])
def test_suffixes_of_images_and_videos_are_known(name):
    assert is_media_name(name)


@pytest.mark.parametrize("name", ["a", "a.json", "jpg", "a.jpg.part", "a."])
def test_other_names_are_not_of_images_or_videos(name):
    assert not is_media_name(name)
