"""Makes small videos. A frame shows its number as ten bars, so that encoding does not hide it."""

from fractions import Fraction

import av
import numpy as np
import pytest

BITS = 10


def picture(number: int, width: int, height: int) -> np.ndarray:
    """RGB uint8 (H, W, 3): from left to right, the bits of the number in red and dark blue; the
    bottom quarter is green.
    """
    bit = np.arange(width) * BITS // width
    image = np.zeros((height, width, 3), np.uint8)
    image[:, (number >> bit & 1) == 1] = (220, 30, 20)
    image[:, (number >> bit & 1) == 0] = (10, 20, 90)
    image[-(height // 4) :] = (0, 160, 0)
    return image


def number_in(image: np.ndarray) -> int:
    """The number that a decoded picture shows."""
    height, width, _ = image.shape
    middles = (np.arange(BITS) * width + width // 2) // BITS
    return int(((image[height // 3, middles, 0] > 110) << np.arange(BITS)).sum())


def write_video(
    path,
    frames=30,
    *,
    size=(80, 48),
    codec="libx264",
    rate=25,
    times=None,
    pixels="yuv420p",
    options=None,
    rotation=0,
    mirrored=False,
    audio=None,
    time_base=None,
    format=None,
    gop=12,
):
    """Writes a video of `frames` pictures.

    `times` are the pts in units of `time_base`, by default one a frame; `rotation` is in degrees
    clockwise that a player has to turn; `audio` is the name of a codec.
    """
    width, height = size
    time_base = time_base or Fraction(1, rate)
    times = range(frames) if times is None else times
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        stream.time_base = stream.codec_context.time_base = time_base
        stream.gop_size = gop
        if rotation or mirrored:
            stream.set_display_rotation(-rotation, hflip=mirrored)
        sound = container.add_stream(audio, rate=48000, layout="mono") if audio else None
        for number, pts in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, width, height))
            frame.pts, frame.time_base = pts, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if sound:
            _write_sound(container, sound, float((max(times) + 1) * time_base))
    return path


def _write_sound(container, stream, seconds):
    """A tone of 440 Hz."""
    samples = round(48000 * seconds)
    tone = (np.sin(np.arange(samples) * 440 / 48000 * 2 * np.pi) * 8000).astype(np.int16)
    for start in range(0, samples, 4800):
        part = tone[start : start + 4800].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


@pytest.fixture(name="write_video")
def _write_video(tmp_path):
    """Writes a video under a name in the test's folder; see the function of this name."""
    return lambda name="film.mp4", *args, **options: write_video(tmp_path / name, *args, **options)


@pytest.fixture(name="number_in")
def _number_in():
    return number_in


@pytest.fixture(name="picture")
def _picture():
    return picture
