"""The types of options with a number, and the names of options in messages."""

import argparse

import pytest

from keras_ssd.cli import main
from keras_ssd.cli.option_values import (
    in_options,
    positive,
    positive_or,
    seconds,
    seed,
    share,
    share_above_0,
)


def test_numbers_in_their_range_are_taken():
    assert positive(int)("3") == 3
    assert positive(float)("0.5") == 0.5
    assert (positive_or("all")("all"), positive_or("all")("2")) == ("all", 2)
    assert (share("0"), share("1"), share("0.25")) == (0, 1, 0.25)
    times = {"90s": 90, "55m": 3300, "8h": 28_800, "1.5h": 5400, "2d": 172_800}
    assert {text: seconds(text) for text in times} == times
    assert (seed("0"), seed("4294967295")) == (0, 2**32 - 1)


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (positive(int), "0", "a whole number above 0, not '0'"),
        (positive(int), "2.5", "a whole number above 0, not '2.5'"),
        (positive(float), "-1", "a number above 0, not '-1'"),
        (positive(float), "inf", "a number above 0, not 'inf'"),
        (positive_or("all"), "0", "a whole number above 0, not '0'; or \"all\""),
        (positive_or("all"), "auto", "a whole number above 0, not 'auto'; or \"all\""),
        (seconds, "55", "a time such as 90s, 55m or 8h, not '55'"),
        (seconds, "0m", "a time such as 90s, 55m or 8h, not '0m'"),
        (seconds, "-5m", "a time such as 90s, 55m or 8h, not '-5m'"),
        (seconds, "5 minutes", "a time such as 90s, 55m or 8h, not '5 minutes'"),
        (share, "1.5", "a number from 0 to 1, not '1.5'"),
        (share, "nan", "a number from 0 to 1, not 'nan'"),
        (share_above_0, "0", "a number above 0 and at most 1, not '0'"),
        (share_above_0, "1.1", "a number above 0 and at most 1, not '1.1'"),
        (share, "high", "a number from 0 to 1, not 'high'"),
        (seed, "-1", "a whole number from 0 to 4294967295, not '-1'"),
        (seed, "4294967296", "a whole number from 0 to 4294967295, not '4294967296'"),
    ],
)
def test_other_numbers_are_refused(parse, text, expected):
    with pytest.raises(argparse.ArgumentTypeError, match=f"^expected {expected}$"):
        parse(text)


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        (["export", "--model", "m", "--output", "o"], "--confidence", "1.5"),
        (["export", "--model", "m", "--output", "o"], "--iou", "-0.1"),
        (["export", "--model", "m", "--output", "o"], "--max-detections", "0"),
        (["train", "--data", "d", "--output", "o"], "--seed", "-1"),
        (["train", "--data", "d", "--output", "o"], "--batch-size", "x"),
        (["evaluate", "--data", "d", "--model", "m"], "--max-images", "0"),
    ],
)
def test_a_number_out_of_range_is_told_with_its_option(command, option, value, capsys):
    with pytest.raises(SystemExit):
        main([*command, f"{option}={value}"])
    assert f"argument {option}: expected a" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("confidence_threshold: expected 0 to 1", "--confidence: expected 0 to 1"),
        ("nms: a.xml is an OpenVINO file", "--nms: a.xml is an OpenVINO file"),
        ("image_folder /a: is for .json files", "--images /a: is for .json files"),
        ('left out. corrupt_images="skip" skips', "left out. --corrupt-images skip skips"),
        ("top_k: expected 1 to 100", "top_k: expected 1 to 100"),
        ("iou of boxes", "iou of boxes"),
        ('<a href="link">', '<a href="link">'),
    ],
)
def test_messages_name_options_in_place_of_arguments(message, shown):
    options = ["confidence", "iou", "nms", "images", "corrupt_images"]
    assert in_options(message, options) == shown
