"""The size that the header of a JPEG, PNG or WebP file states, and whether the file is whole.

OpenCV allocates the image as soon as it has read the header. If a file is cut off, it fills the
rest with gray, without an error. So both are checked before OpenCV sees the file.
"""

import re
import struct

_JPEG_START, _PNG_START = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
# A marker that begins a segment or ends the image. After 0xff, the bytes 0x00 and 0xff belong to
# the data, and 0x01 and 0xd0 to 0xd7 are markers without a segment.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
_PNG_CHUNK = struct.Struct(">I4s")  # length, kind


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Returns the (width, height) in pixels that the header states; None for other formats.

    Raises:
        ValueError: the header is damaged, or the file ends too early; the message says which.
    """
    if data.startswith(_JPEG_START):
        return _jpeg_size(data)
    if data.startswith(_PNG_START):
        return _png_size(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_size(data)
    return None


def _jpeg_size(data):
    """Walks from segment to segment, because thumbnails in segments hold markers of their own."""
    size, position = None, 2
    while marker := _JPEG_MARKER.search(data, position):
        code, start = marker[0][1], marker.end()
        if code == 0xD9:  # the end of the image
            if size is None:
                raise ValueError("the JPEG header states no size")
            return size
        if code in _JPEG_FRAMES and size is None:
            height, width = data[start + 3 : start + 5], data[start + 5 : start + 7]
            size = int.from_bytes(width, "big"), int.from_bytes(height, "big")
        position = start + max(2, int.from_bytes(data[start : start + 2], "big"))
    raise ValueError("the image is cut off before its end")


def _png_size(data):
    """Walks from chunk to chunk, because OpenCV allocates as much memory as a chunk states."""
    if len(data) >= 16 and data[12:16] != b"IHDR":
        raise ValueError("the PNG file does not begin with its header")
    position = len(_PNG_START)
    while position + _PNG_CHUNK.size <= len(data):
        length, kind = _PNG_CHUNK.unpack_from(data, position)
        position += _PNG_CHUNK.size + length + 4  # 4 bytes of checksum
        if kind == b"IEND" and position <= len(data):
            return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    raise ValueError("the image is cut off before its end")


def _webp_size(data):
    if len(data) < max(30, 8 + int.from_bytes(data[4:8], "little")):
        raise ValueError("the image is cut off before its end")
    kind = data[12:16]
    if kind == b"VP8X":  # the extended format, with transparency, animation or metadata
        width, height = data[24:27], data[27:30]
        return 1 + int.from_bytes(width, "little"), 1 + int.from_bytes(height, "little")
    if kind == b"VP8L":  # lossless
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":  # lossy
        width, height = data[26:28], data[28:30]
        return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(height, "little") & 0x3FFF
    raise ValueError("the WebP file does not begin with an image")
