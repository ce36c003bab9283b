"""The report of `check_data` as it is printed into a pipe."""

import dataclasses

import pytest

from keras_ssd.data.checks import Finding, check_data
from keras_ssd.data.checks.print_report import print_report


@pytest.fixture(scope="module")
def report(drawn_voc):
    return check_data(drawn_voc, class_names=["circle", "rectangle", "triangle", "star"])


@pytest.fixture
def printed(report, capsys):
    """What is printed of the report with some parts changed."""

    def printed(**changes):
        print_report(dataclasses.replace(report, **changes))
        return capsys.readouterr().out

    return printed


def test_tables_hold_the_counts_of_splits_and_classes(printed):
    rows = [line.split() for line in printed().splitlines()]
    assert ["train", "16"] in [row[:2] for row in rows]
    [header] = [row for row in rows if row[:1] == ["class"]]
    assert header[:5] == ["class", "train", "val", "trainval", "objects"]
    [star] = [row for row in rows if row[:1] == ["star"] and len(row) > 1]
    assert star[-4:] == ["0", "0", "-", "-"]


def test_it_is_plain_text_that_no_console_fails_on(printed):
    printed().encode("ascii")


def test_long_names_and_names_with_brackets_are_not_cut_or_wrapped(printed, report):
    name = "[bold]" + "a very long name of a split " * 20 + "[/bold]"
    splits = [dataclasses.replace(report.splits[0], name=name)]
    assert f"\n{name} " in printed(splits=splits)


def test_ten_examples_of_a_finding_are_shown_and_the_verdict_counts_kinds(printed):
    findings = [
        Finding(True, "images missing: 12", [f"image {number}" for number in range(12)]),
        Finding(False, "clipped: 1", ["one"]),
    ]
    text = printed(findings=findings)
    assert "\nERROR: images missing: 12\n  image 0\n" in text
    assert "\n  image 9\n  and 2 more\n" in text
    assert "image 10" not in text
    assert text.endswith("Training would suffer: 1 kind of errors, 1 of warnings\n")
    text = printed(findings=findings[1:])
    assert text.endswith("Fit to train on: 0 kinds of errors, 1 of warnings\n")
