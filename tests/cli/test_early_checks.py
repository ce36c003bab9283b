"""What is wrong with paths and options is told before Keras is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITHOUT_KERAS = """
import contextlib, io, json, sys
sys.modules["keras"] = sys.modules["tensorflow"] = None  # importing them is an error
from keras_ssd.cli import main
lines = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stderr(io.StringIO()) as err:
        assert main(arguments) == 1
    lines.append(err.getvalue())
print(json.dumps(lines))
"""


@pytest.fixture(scope="module")
def messages(drawn_voc, tmp_path_factory):
    """Runs commands in a process in which Keras cannot be imported; returns what they say."""
    folder = tmp_path_factory.mktemp("early")
    (folder / "file").touch()
    (folder / "run").mkdir()
    (folder / "run" / "run.json").touch()
    (folder / "a.keras").touch()
    (folder / "a.pth").touch()

    def messages(cases):
        commands = [case.replace("DATA", str(drawn_voc)).split() for case in cases]
        done = subprocess.run(
            [sys.executable, "-c", WITHOUT_KERAS, json.dumps(commands)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            cwd=folder,
        )
        assert done.returncode == 0, done.stderr
        return dict(zip(cases, json.loads(done.stdout.splitlines()[-1]), strict=True))

    return messages


def test_what_can_be_checked_without_keras_is_checked_first(messages):
    expected = {
        "train --data DATA --output file": "file: expected a folder, but file is a file",
        "train --data DATA --output file/run": "file/run: expected a folder, but ",
        "train --data DATA --output run": "run: has a run already",
        "train --data DATA --output new --resume": "new: has no run to resume",
        "train --data DATA --output new --cache file": "file: expected a folder, but file is",
        "train --data none --output new": "none: there is no such folder or file",
        "train --data DATA --validation-data none --output new": "none: there is no such folder",
        "train --data DATA --image-set dev --output new": "no image set 'dev'",
        "train --data DATA --output new --model none.keras": "--model none.keras: neither",
        "convert a.pth b.h5": "b.h5: the name must end in .keras",
        "convert a.pth file/b.keras": "file: expected a folder, but file is a file",
        "convert none.pth b.keras": "none.pth: no such file",
        "evaluate --data DATA --model a.keras --json run": "run: expected the name of a file",
        "evaluate --data DATA --model a.keras --detections file/a": "expected a folder, but ",
        "evaluate --data DATA --model a.keras --report a.htm": "a.htm: the name must end in .html",
        "evaluate --data DATA --model none.keras": "none.keras: no such file; expected a detector",
        "evaluate --data DATA --model none.pth": "none.pth: no such file; expected a detector",
        "evaluate --data none --model a.keras": "none: there is no such folder or file",
        "export --model a.keras --output file/a.onnx": "file: expected a folder, but",
        "export --model a.keras --output file": "file: expected a folder, but file is a file",
        "export --model a.keras --output a.onnx --quantize int8": "--quantize: a.onnx is an ONNX",
        "export --model none --output a.onnx": "none: no such file; expected a detector",
        "export --model a.keras --output a.onnx --data none": "none: there is no such folder",
        "benchmark --model a.keras --image-set val": "--image-set: needs --data",
        "benchmark --model none": "none: no such file; expected a detector",
        "check-data --data DATA --json run": "run: expected the name of a file to write",
    }
    found = messages(list(expected))
    for case, message in expected.items():
        assert message in found[case], case
        assert found[case].count("\n") == 1, case
