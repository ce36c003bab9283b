"""`keras-ssd presets` lists the trained detectors that --model takes by name."""

import argparse


def add_options(command: argparse.ArgumentParser) -> None:
    """This subcommand has no options."""


def run(options: argparse.Namespace) -> int:
    """Prints a table; see `keras_ssd.list_presets`."""
    from keras_ssd.presets import list_presets
    from keras_ssd.terminal import print_table

    header = ("name", "architecture", "classes", "metric", "MB", "where", "trained by")
    rows = [
        (
            preset.name,
            preset.architecture,
            preset.classes,
            preset.metric,
            f"{preset.megabytes:g}",
            "download" if preset.url else "in the package",
            preset.trained_by,
        )
        for preset in list_presets()
    ]
    print_table(header, rows, align="<<<<><<")
    return 0
