"""The output of commands on consoles of all kinds, and without a console."""

import io
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from keras_ssd import cli

ROOT = Path(__file__).parents[2]


@pytest.fixture
def show(monkeypatch):
    """A subcommand that prints class names, and the command that runs it."""
    module = ModuleType("keras_ssd.cli.show")
    module.add_options = lambda command: command.add_argument("names")
    module.run = lambda options: print(options.names) or 0
    monkeypatch.setitem(sys.modules, "keras_ssd.cli.show", module)
    monkeypatch.setitem(cli.COMMANDS, "show", "Show class names.")
    return lambda names: cli.main(["show", names])


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("cp1252", "Bär, ?, ?"), ("ascii", "B?r, ?, ?"), ("utf-8", "Bär, 犬, ?")],
)
def test_characters_that_the_console_lacks_become_question_marks(
    show, monkeypatch, encoding, shown
):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, newline="\n"))
    assert show("Bär, 犬, \udcff") == 0  # the last is a byte of a file name that is not UTF-8
    sys.stdout.flush()
    assert written.getvalue().decode(encoding) == f"{shown}\n"


def test_a_program_without_a_console_runs(show, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert show("cat") == 0


def test_an_opencv_that_cannot_be_imported_is_explained_without_a_traceback(tmp_path):
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object')\n")
    command = [sys.executable, "-m", "keras_ssd.cli", "detect", "a.jpg", "--model", "a.tflite"]
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [*command, "--output", "out"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert message.startswith(
        "keras-ssd detect: OpenCV cannot be imported (libGL.so.1: cannot open"
    )
    assert "apt-get install libgl1" in message
    assert "pip install opencv-python-headless" in message
    assert "Traceback" not in done.stderr


def test_a_reader_that_stops_early_is_not_an_error_to_speak_of():
    command = f"{sys.executable} -m keras_ssd.cli presets | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_help_names_a_default_only_where_there_is_one(capsys):
    with pytest.raises(SystemExit):
        cli.main(["detect", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "(default: 8)" in text
    assert "(default: None)" not in text
