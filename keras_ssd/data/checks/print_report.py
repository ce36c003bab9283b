"""Prints the report of `check_data`: as tables on a terminal, as plain text into a pipe or file."""

from collections.abc import Sequence
from math import isnan

from keras_ssd.data.checks.data_report import DataReport, Finding
from keras_ssd.terminal import counted, print_table

_SHOWN = 10  # the examples of a finding that are printed


def print_report(report: DataReport) -> None:
    """Prints tables of the splits and classes, up to 10 examples of each finding, and a verdict."""
    if report.splits:
        _print_table(_split_rows(report))
    if report.classes:
        _print_table(_class_rows(report))
    lines = []
    if report.image_sizes:
        sizes = (f"{width}x{height}" for width, height in report.image_sizes)
        lines.append("image sizes: smallest {}, median {}, largest {}".format(*sizes))
    if report.box_sides:
        sides = ", ".join(f"{share} % {side:.0f}" for share, side in report.box_sides.items())
        lines.append(f"sides of boxes at {report.config.image_size} px, by percentile: {sides} px")
    blocks = ["\n".join(lines)] if lines else []
    blocks += [_finding(finding) for finding in report.findings]
    errors = sum(finding.is_error for finding in report.findings)
    warnings = len(report.findings) - errors
    verdict = "Training would suffer" if errors else "Fit to train on"
    blocks.append(f"{verdict}: {counted(errors, 'kind')} of errors, {warnings} of warnings")
    print("\n\n".join(blocks))


def _split_rows(report: DataReport) -> list[tuple]:
    header = ("split", "images", "without objects", "objects", "difficult", "unmatched", "training")
    return [
        header,
        *(
            (
                split.name,
                *(split.images, split.images_without_objects, split.objects),
                *(split.difficult, split.unmatched, "yes" if split.to_train else "no"),
            )
            for split in report.splits
        ),
    ]


def _class_rows(report: DataReport) -> list[tuple]:
    """Returns the objects of each class, and how they are split if there are several splits."""
    splits = [split.name for split in report.splits] if len(report.splits) > 1 else []
    header = ("class", *splits, "objects", "images", "median side", "unmatched")
    return [
        header,
        *(
            (
                entry.name,
                *entry.objects_by_split[: len(splits)],
                *(entry.objects, entry.images),
                "-" if isnan(entry.median_side) else f"{entry.median_side:.0f} px",
                f"{entry.unmatched / entry.objects:.1%}" if entry.objects else "-",
            )
            for entry in report.classes
        ),
    ]


def _print_table(rows: Sequence[tuple]) -> None:
    header, *others = [tuple(map(str, row)) for row in rows]
    print_table(header, others, "<" + ">" * (len(header) - 1))
    print()


def _finding(finding: Finding) -> str:
    lines = [f"{'ERROR' if finding.is_error else 'warning'}: {finding.message}"]
    lines += [f"  {example}" for example in finding.examples[:_SHOWN]]
    if len(finding.examples) > _SHOWN:
        lines.append(f"  and {len(finding.examples) - _SHOWN} more")
    return "\n".join(lines)
