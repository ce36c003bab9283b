"""How large an image may be, which is checked before it is decoded."""

import os

MAX_PIXELS = 100_000_000
_VARIABLE = "KERAS_SSD_MAX_PIXELS"
HOW_TO_RAISE = f"to read larger images, set the environment variable {_VARIABLE}"


class CorruptImageError(ValueError):
    """An image that cannot be read; the message names the image and says why."""


def max_pixels() -> int:
    """Returns how many pixels an image may have: MAX_PIXELS, unless the user sets another limit.

    The environment variable KERAS_SSD_MAX_PIXELS sets it. Decoding takes up to about 12 bytes of
    memory for each pixel.

    Raises:
        ValueError: the variable is not a positive whole number.
    """
    value = os.environ.get(_VARIABLE, str(MAX_PIXELS))
    if not (value.isascii() and value.isdigit() and int(value)):
        raise ValueError(f"{_VARIABLE}: expected a positive whole number, not {value!r}")
    return int(value)


def check_pixels(width: int, height: int, name: str, *, costs: int = 1) -> None:
    """Checks the size that the header of an image states.

    Args:
        width: the width in pixels.
        height: the height in pixels.
        name: what the error message calls the image.
        costs: the factor that the number of pixels is multiplied by.

    Raises:
        CorruptImageError: the image has no pixels, or more than `max_pixels()`.
    """
    if width < 1 or height < 1:
        raise CorruptImageError(f"{name}: the image has no pixels ({width} x {height})")
    if width * height > max_pixels() // costs:
        raise CorruptImageError(
            f"{name}: the image has {width} x {height} pixels, more than the limit of "
            f"{max_pixels() // costs} ({HOW_TO_RAISE})"
        )
