"""What is built from the checkout: the wheel, the source distribution, and what they hold."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from keras_ssd import __version__

ROOT = Path(__file__).parents[1]
MODELS = {".keras", ".tflite", ".onnx", ".h5", ".npz", ".pth", ".bin"}


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


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a checkout by git")
def test_the_source_distribution_has_what_git_has_and_two_models(tmp_path):
    source = tmp_path / "source"
    listed = ["git", "ls-files", "-z"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    for own in ("saved_models/mine/variables.bin", "examples/browser/node_modules/a.js"):
        (source / own).parent.mkdir(parents=True)
        (source / own).touch()
    build = "from setuptools.build_meta import build_sdist; build_sdist('.')"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    (archive,) = source.glob("*.tar.gz")
    assert archive.name == f"keras_ssd-{__version__}.tar.gz"
    assert archive.stat().st_size < 20e6
    with tarfile.open(archive) as packed:
        packed_names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"README.md", "Makefile", "tests/conftest.py", "docs/index.md"} <= packed_names
    models = {Path(name).name for name in packed_names if Path(name).suffix in MODELS}
    assert models == {"ssd_mobilenet_320_voc.keras", "ssd_mobilenet_320_voc_int8.tflite"}
    assert not [name for name in packed_names if "node_modules" in name or "/mine/" in name]


def test_changelog_and_citation_name_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    heading = f"## [{__version__}] - {citation['date-released']}"
    assert heading in (ROOT / "CHANGELOG.md").read_text().splitlines()


def test_the_issue_forms_are_yaml_with_what_github_asks_for():
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(path.read_text())
        if path.stem != "config":
            assert {"name", "description", "body"} <= form.keys()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_wheel_installs_and_detects_on_each_python(tmp_path, version):
    python = _python(version)
    if python is None:
        pytest.skip(f"there is no python{version} on this machine")
    wheel = _wheel(tmp_path)
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    subprocess.run([tmp_path / "venv/bin/pip", "install", "-q", wheel], check=True)
    photos, output = ROOT / "examples" / "photos", tmp_path / "detected"
    command = [tmp_path / "venv/bin/keras-ssd", "detect", photos, "--output", output]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "chelsea.jpg: cat" in done.stdout
    assert (output / "chelsea.jpg").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_the_registry_has_all_that_the_wheel_needs_for_each_python(tmp_path, version):
    options = ["--dry-run", "--ignore-installed", "--only-binary=:all:"]
    options += ["--python-version", version, "--target", str(tmp_path / "target")]
    command = [sys.executable, "-m", "pip", "install", "-q", *options, _wheel(tmp_path)]
    subprocess.run(command, check=True)


def _python(version):
    """The path of a Python of this version, on the PATH or of pyenv, or None."""
    found = [shutil.which(f"python{version}")]
    found += sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for path in filter(None, found):
        # pyenv has commands for all its versions on the PATH, which fail unless one is chosen.
        if subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return None


def _wheel(folder):
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))
