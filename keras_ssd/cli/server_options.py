"""The options of a connection to a model on a server."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_ssd.serving import Client

_OPTIONS = ("header", "token_file", "ca_file")
_MODEL_OPTIONS = {"dtype": "auto", "runtime": "auto", "calibrate": None}


def add_server_options(command: argparse.ArgumentParser) -> None:
    """Adds the options that go with `--server`."""
    add = command.add_argument
    add(
        "--header",
        action="append",
        metavar="'NAME: VALUE'",
        help="header of each request to --server; may be given several times",
    )
    add(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="file with the token for --server, which is sent as a bearer token",
    )
    add(
        "--ca-file",
        type=Path,
        metavar="FILE",
        help="PEM file with the authorities to trust for --server",
    )


def check_server_options(options: argparse.Namespace) -> None:
    """Raises ValueError if an option for a server is given without one, or the other way round."""
    for name, default in _MODEL_OPTIONS.items():
        if options.server and getattr(options, name) != default:
            raise ValueError(f"--{name}: goes with --model, not with --server")
    for name in _OPTIONS:
        if getattr(options, name) is not None and not options.server:
            raise ValueError(f"--{name.replace('_', '-')}: goes with --server, not with --model")


def client(options: argparse.Namespace) -> "Client":
    """The client of the server that the options name."""
    from keras_ssd.serving import Client

    headers = dict(map(_header, options.header or ()))
    if options.token_file is not None:
        headers["Authorization"] = f"Bearer {_token(options.token_file)}"
    return Client(options.server, headers=headers, ca_file=options.ca_file)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ValueError("--header: expected NAME: VALUE")  # what was given may be secret
    return name.strip(), value.strip()


def _token(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text"
        raise ValueError(f"--token-file: {path}: {reason}") from error
    if not token:
        raise ValueError(f"--token-file: {path}: the file is empty")
    return token
