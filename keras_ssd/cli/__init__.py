"""The `keras-ssd` command, with one module for each subcommand.

Only the module of the subcommand that runs is imported, so that `keras-ssd --help` is quick.
"""

import argparse
import importlib
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from keras_ssd import __version__
from keras_ssd.cli.option_values import in_options

COMMANDS = {
    "check-data": "Check annotated images before training.",
    "convert-data": "Convert annotated images to the format of another tool.",
    "train": "Train a model on annotated images.",
    "evaluate": "Measure a detector's average precision on annotated images.",
    "detect": "Find objects in images, videos and cameras, and draw them.",
    "track": "Follow objects through videos, and count those that cross a line.",
    "export": "Write a detector for use outside Python, and check what was written.",
    "convert": "Make a detector from a PyTorch or TensorFlow checkpoint of an SSD.",
    "benchmark": "Measure how fast and how accurate a detector is on every runtime.",
    "explain": "Show in pictures how an SSD finds objects in a photo, and learns from them.",
    "demo": "Serve a page on which a detector is tried in the browser.",
    "presets": "List the trained detectors that --model takes by name.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a subcommand; returns the exit status: 0, 1 after an error, 130 after Ctrl-C or kill."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # "?" for a character that a console lacks
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's log would hide the answer
    logging.basicConfig(format="%(message)s")
    logging.getLogger("keras_ssd").setLevel(logging.INFO)
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    asked_for = next((word for word in arguments if not word.startswith("-")), None)
    options = argparse.Namespace()
    try:
        options = _parser(asked_for).parse_args(arguments)
        with _killed_as_by_ctrl_c():
            status = options.run(options)
        if sys.stdout is not None:  # as it is in a program without a console
            sys.stdout.flush()
        return status
    except BrokenPipeError:  # the reader of the output, such as `head`, wants no more of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python still flushes it
        return 1
    except ModuleNotFoundError as error:
        advice = ' (missing in an install without dependencies: pip install "keras-ssd")'
        needs = advice if error.name in ("keras", "tensorflow") else ""
        print(f"keras-ssd {asked_for}: {error}{needs}", file=sys.stderr)
        return 1
    except (ValueError, ImportError, OSError) as error:
        print(f"keras-ssd {asked_for}: {_message(error, options)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"keras-ssd {asked_for}: interrupted", file=sys.stderr)
        return 130


def _message(error, options):
    """The message of an error, with the names of options, and the path of a file at its start."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return in_options(str(error), vars(options))


@contextmanager
def _killed_as_by_ctrl_c() -> Iterator[None]:
    """Makes `kill`, or closing the terminal, end a command like Ctrl-C: results are saved."""
    changed = []
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, signal.default_int_handler)
                changed.append(number)
    try:
        yield
    finally:
        for number in changed:
            signal.signal(number, signal.SIG_DFL)


class _HelpWithDefaults(argparse.ArgumentDefaultsHelpFormatter):
    """Adds the default of an option to its help, if the option has one."""

    def _get_help_string(self, action):
        if action.default in (None, False):
            return action.help
        return super()._get_help_string(action)


def _parser(asked_for):
    """Returns the command's parser, with the options of the subcommand that is asked for."""
    parser = argparse.ArgumentParser(
        prog="keras-ssd", description="SSD object detection: train, evaluate, detect."
    )
    parser.add_argument("--version", action="version", version=f"keras-ssd {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=text,
            description=text,
            formatter_class=_HelpWithDefaults,
        )
        if name == asked_for:
            module = importlib.import_module(f"keras_ssd.cli.{name.replace('-', '_')}")
            module.add_options(command)
            command.set_defaults(run=module.run)
    return parser
