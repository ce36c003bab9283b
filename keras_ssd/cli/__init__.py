"""The `keras-ssd` command: one file a subcommand, over the package's own functions."""

import argparse
import logging
import sys

from keras_ssd.cli import check_data, convert, detect, evaluate, export, presets, train


def main(arguments=None) -> int:
    """Runs a subcommand; returns the exit status: 0, 1 after an error, 130 after Ctrl-C."""
    logging.basicConfig(format="%(message)s")
    logging.getLogger("keras_ssd").setLevel(logging.INFO)
    parser = argparse.ArgumentParser(
        prog="keras-ssd", description="SSD object detection: train, evaluate, detect."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for subcommand in (check_data, train, evaluate, detect, export, convert, presets):
        command = commands.add_parser(
            subcommand.__name__.rpartition(".")[2].replace("_", "-"),
            help=subcommand.__doc__,
            description=subcommand.__doc__,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        subcommand.add_options(command)
        command.set_defaults(run=subcommand.run)
    options = parser.parse_args(arguments)
    try:
        return options.run(options)
    except (ValueError, ImportError, OSError) as error:
        print(f"keras-ssd {options.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"keras-ssd {options.command}: interrupted", file=sys.stderr)
        return 130
