"""Whether a file is an image or a video, by its first bytes and by its suffix."""

import os
from enum import Enum, auto
from pathlib import PurePath
from typing import BinaryIO

from keras_ssd.images.pillow import HEIF_BRANDS

IMAGE_SUFFIXES = {
    *(".apng", ".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".hif", ".j2k", ".jfif", ".jp2"),
    *(".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff"),
    ".webp",
}
VIDEO_SUFFIXES = {
    *(".3g2", ".3gp", ".asf", ".avi", ".flv", ".m2ts", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov"),
    *(".mp4", ".mpeg", ".mpg", ".mts", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
}
_JPEG = b"\xff\xd8\xff"
_IMAGES = (_JPEG, b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")
_GIFS = (b"GIF87a", b"GIF89a")
_VIDEOS = (
    b"\x1aE\xdf\xa3",  # Matroska and WebM
    b"FLV\x01",
    b"OggS",
    b"\0\0\x01\xba",  # MPEG program stream
    b"0&\xb2u\x8ef\xcf\x11",  # ASF and WMV
)
# Other files that begin with a brand are MP4 and QuickTime.
_IMAGE_BRANDS = {b"avif", b"avis", *HEIF_BRANDS}
_WEBP_ANIMATION = 0x02  # a bit of the flags in the header of an extended WebP


class Kind(Enum):
    """The kinds of files that hold pictures."""

    IMAGE = auto()
    VIDEO = auto()
    WEBP_ANIMATION = auto()  # a video, which FFmpeg does not read


def is_media_name(name: str) -> bool:
    """Whether the suffix of a file's name is that of an image or a video."""
    return PurePath(name).suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES


def kind_of(file: BinaryIO, name: str) -> Kind | None:
    """The kind of an open file.

    The first bytes decide where they are known, so that a GIF named `.jpg` is a GIF; the suffix
    decides otherwise. An animated GIF or WebP is a video; of other images with several pictures
    the first one is meant, so they are images.

    Args:
        file: the file, at its beginning.
        name: its name.

    Returns:
        The kind, or None if neither the content nor the suffix is known.
    """
    beginning, suffix = file.read(32).ljust(32, b"\0"), PurePath(name).suffix.lower()
    if beginning.startswith(_IMAGES):
        several = suffix in (".mjpeg", ".mjpg") and beginning.startswith(_JPEG)
        return Kind.VIDEO if several else Kind.IMAGE
    if beginning.startswith(_GIFS):
        file.seek(len(_GIFS[0]))
        return Kind.VIDEO if _is_animated_gif(file) else Kind.IMAGE
    if beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP":
        moves = beginning[12:16] == b"VP8X" and beginning[20] & _WEBP_ANIMATION
        return Kind.WEBP_ANIMATION if moves else Kind.IMAGE
    if beginning[4:8] == b"ftyp":
        return Kind.IMAGE if beginning[8:12] in _IMAGE_BRANDS else Kind.VIDEO
    if beginning.startswith(_VIDEOS) or (beginning[:4] == b"RIFF" and beginning[8:12] == b"AVI "):
        return Kind.VIDEO
    if suffix in VIDEO_SUFFIXES:
        return Kind.VIDEO
    return Kind.IMAGE if suffix in IMAGE_SUFFIXES else None


def _is_animated_gif(file):
    """Whether a second picture begins in a GIF file; no picture is decoded."""
    screen = file.read(7)
    _skip_colors(file, screen[4:5])
    pictures = 0
    while (block := file.read(1)) in (b"!", b","):
        if block == b"!":  # an extension
            file.seek(1, os.SEEK_CUR)
        elif pictures:
            return True
        else:
            pictures += 1
            _skip_colors(file, file.read(9)[8:])
            file.seek(1, os.SEEK_CUR)
        while size := int.from_bytes(file.read(1)):
            file.seek(size, os.SEEK_CUR)
    return False


def _skip_colors(file, flags):
    if flags and flags[0] & 0x80:
        file.seek(3 * 2 ** ((flags[0] & 7) + 1), os.SEEK_CUR)
