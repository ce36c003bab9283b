"""The folder build/ that `pip install .` leaves in the checkout does no harm."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_a_wheel_has_nothing_that_an_earlier_build_left(tmp_path):
    source, stale = tmp_path / "source", tmp_path / "source" / "build" / "lib" / "keras_ssd"
    (source / "keras_ssd").mkdir(parents=True)
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    shutil.copy(ROOT / "keras_ssd" / "__init__.py", source / "keras_ssd")
    stale.mkdir(parents=True)
    (stale / "removed.py").touch()
    build = "from setuptools.build_meta import build_wheel; build_wheel('wheels')"
    (source / "wheels").mkdir()
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (wheel,) = (source / "wheels").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "keras_ssd/__init__.py" in names
    assert "keras_ssd/removed.py" not in names
    assert (source / "build").is_dir()  # so it is this folder that must be ignored


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a checkout by git")
def test_git_ignores_the_folder():
    command = ["git", "check-ignore", "build/lib/keras_ssd/__init__.py", "keras_ssd.egg-info/"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == command[2:]
