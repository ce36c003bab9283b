"""`keras-ssd demo` with arguments that are wrong; tests/demo/test_page.py serves the page."""

import socket
import sys

import pytest

from keras_ssd.cli import main
from keras_ssd.cli.demo import pictures_in


@pytest.fixture
def fails(capsys):
    def run(*arguments):
        assert main(["demo", *map(str, arguments)]) == 1
        return capsys.readouterr().err.splitlines()[-1]

    return run


@pytest.fixture
def port():
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def test_without_gradio_the_command_that_installs_it_is_told(fails, port, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert fails("--port", port) == (
        'keras-ssd demo: gradio is missing: pip install "keras-ssd[demo]"'
    )


def test_a_port_in_use_is_told(fails):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken = listening.getsockname()[1]
        assert fails("--port", taken).startswith(
            f"keras-ssd demo: --port: {taken} of 127.0.0.1 cannot be used (Address already in use)"
        )


def test_a_model_that_is_not_there_is_told(fails, tmp_path):
    message = fails("--model", tmp_path / "none.tflite")
    assert "none.tflite: no such file; expected a detector" in message


def test_a_folder_without_pictures_is_told(fails, tmp_path):
    (tmp_path / "notes.txt").touch()
    assert fails("--examples", tmp_path) == (
        f"keras-ssd demo: --examples: no pictures are in {tmp_path}"
    )
    assert "none: " in fails("--examples", tmp_path / "none")


def test_the_pictures_of_a_folder_are_found_by_their_suffix(tmp_path):
    for name in ("b.PNG", "a.jpg", "film.mp4", "notes.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in pictures_in(tmp_path)] == ["a.jpg", "b.PNG"]
