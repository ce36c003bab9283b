"""What a report says about how it was made: the command, the versions and the machine."""

import os
import platform
import shlex
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from keras_ssd import __version__

_PACKAGES = (
    "tensorflow",
    "keras",
    "jax",
    "torch",
    "numpy",
    "opencv-python",
    "pycocotools",
    "hotcoco",
)


def how_it_was_made() -> list[tuple[str, str]]:
    """Returns names and values: the time, the command, the versions and the machine."""
    facts = [
        ("written at", time.strftime("%Y-%m-%d %H:%M:%S %z")),
        ("command", _command()),
        ("keras-ssd", __version__),
        ("Python", platform.python_version()),
    ]
    for name in _PACKAGES:
        try:
            facts.append((name, version(name)))
        except PackageNotFoundError:
            continue
    backend = getattr(getattr(sys.modules.get("keras"), "config", None), "backend", None)
    if backend is not None:
        facts.append(("Keras backend", backend()))
    machine = f"{platform.platform()}, {os.cpu_count()} CPUs"
    return [*facts, ("machine", machine)]


def _command():
    """Returns the command line, as a shell would read it."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    if name in ("__main__.py", "__init__.py"):  # python -m keras_ssd.cli
        return shlex.join(["python", *sys.orig_argv[1:]])
    return shlex.join([name or "python", *sys.argv[1:]])
