"""What holds of the package as a whole."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = [ROOT / "keras_ssd", ROOT / "tests", ROOT / "training"]
FILES = sorted(path for folder in FOLDERS for path in folder.rglob("*.py"))

# Prints the seconds and the optional packages that keras_ssd takes on top of Keras, which loads a
# part of matplotlib itself.
IMPORT = """
import sys, time
import keras
before, start = set(sys.modules), time.perf_counter()
import keras_ssd
print(time.perf_counter() - start)
added = {name.split(".")[0] for name in set(sys.modules) - before}
print(*added & {"matplotlib", "tensorflow_datasets", "pycocotools", "tensorboard"})
"""


def import_in_a_fresh_process() -> tuple[float, list[str]]:
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", IMPORT]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    seconds, optional = done.stdout.split("\n")[:2]
    return float(seconds), optional.split()


def imported_packages(node: ast.stmt) -> list[str]:
    """The top packages that a statement, if it is an import, needs."""
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    return [node.module.split(".")[0]] if isinstance(node, ast.ImportFrom) else []


def test_no_file_is_longer_than_300_lines():
    long = {str(path): len(path.read_text().splitlines()) for path in FILES}
    assert {path: lines for path, lines in long.items() if lines > 300} == {}


def test_no_file_or_folder_has_a_name_that_says_nothing():
    empty_words = {"utils", "misc", "helpers", "common"}
    names = {part.removesuffix(".py") for path in FILES for part in path.relative_to(ROOT).parts}
    assert names & empty_words == set()


def test_every_folder_of_the_package_is_a_package_that_the_wheel_carries():
    folders = {path.parent for path in FILES if path.is_relative_to(ROOT / "keras_ssd")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_every_module_of_the_package_imports_without_an_extra():
    required = {
        "keras_ssd",
        "cv2",
        "flatbuffers",
        "keras",
        "numpy",
        "tensorflow",
        *sys.stdlib_module_names,
    }
    others = {
        (str(path.relative_to(ROOT)), name)
        for path in FILES
        if path.is_relative_to(ROOT / "keras_ssd")
        for node in ast.parse(path.read_text()).body
        for name in imported_packages(node)
    }
    assert {(path, name) for path, name in others if name not in required} == set()


@pytest.fixture(scope="module")
def first_import():
    return import_in_a_fresh_process()


def test_importing_keras_ssd_loads_no_optional_package(first_import):
    assert first_import[1] == []


def test_importing_keras_ssd_takes_at_most_a_second_more_than_keras(first_import):
    seconds = first_import[0]
    for _ in range(2):  # best of three: a busy machine slows down some runs, not all
        if seconds > 1:
            seconds = min(seconds, import_in_a_fresh_process()[0])
    assert seconds <= 1
