"""The types of options with a number, and the names of options in messages."""

import argparse
import math
import re
from collections.abc import Callable, Iterable

_MAX_SEED = 2**32 - 1  # NumPy takes no larger one
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
# Arguments of Python that have another name on the command line.
_OTHER_NAMES = {
    "confidence_threshold": "confidence",
    "iou_threshold": "iou",
    "class_names": "classes",
    "image_sets": "image_set",
    "validation_sets": "validation_set",
    "image_folder": "images",
}


def positive(kind: type) -> Callable[[str], float]:
    """Makes the parser of an option with a number above 0.

    Args:
        kind: int or float, the type of the number.
    """
    expected = "a whole number" if kind is int else "a number"
    return _parser(kind, lambda value: value > 0, f"{expected} above 0")


def positive_or(word: str) -> Callable[[str], int | str]:
    """Makes the parser of an option with a whole number above 0, or a word in place of it.

    Args:
        word: the word, such as "all".
    """

    def parse(text: str) -> int | str:
        if text == word:
            return text
        try:
            return int(positive(int)(text))
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f'{error}; or "{word}"') from error

    return parse


def share(text: str) -> float:
    """Parses an option with a number from 0 to 1, such as a threshold."""
    return _parser(float, lambda value: 0 <= value <= 1, "a number from 0 to 1")(text)


def share_above_0(text: str) -> float:
    """Parses an option with a number above 0 and at most 1."""
    expected = "a number above 0 and at most 1"
    return _parser(float, lambda value: 0 < value <= 1, expected)(text)


def seed(text: str) -> int:
    """Parses an option with the start of random numbers."""
    expected = f"a whole number from 0 to {_MAX_SEED}"
    return int(_parser(int, lambda value: 0 <= value <= _MAX_SEED, expected)(text))


def seconds(text: str) -> float:
    """Parses an option with a time, such as 90s, 55m, 8h or 2d.

    Examples:
        >>> seconds("1.5h")
        5400.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    value = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"expected a time such as 90s, 55m or 8h, not {text!r}")
    return value


def in_options(message: str, options: Iterable[str]) -> str:
    """Replaces the names of Python's arguments in a message of the package by those of options.

    Args:
        message: the message. An argument in it is named at its beginning, as in "nms: ...", or with
            its value, as in 'corrupt_images="skip"'.
        options: the names of the command's options, as `argparse` stores them.

    Examples:
        >>> in_options("iou_threshold: expected 0 to 1, not 3", ["iou", "output"])
        '--iou: expected 0 to 1, not 3'
    """
    options = set(options)

    def option(match):
        name = _OTHER_NAMES.get(match["name"], match["name"])
        if name not in options:
            return match[0]
        value = match.groupdict().get("value")
        return f"--{name.replace('_', '-')}" + (f" {value}" if value else "")

    message = re.sub(r"\A(?P<name>\w+)(?=:| \S+:)", option, message)
    return re.sub(r'\b(?P<name>\w+)="(?P<value>\w+)"', option, message)


def _parser(kind, is_valid, expected):
    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or not is_valid(value):
            raise argparse.ArgumentTypeError(f"expected {expected}, not {text!r}")
        return value

    return parse
