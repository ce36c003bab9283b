"""The scripts in training/ work with the package."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "training").glob("*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_all_that_a_script_imports_is_there(path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(path.parent), *sys.path])  # as where it is run
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


EXTRAS = ("ai_edge_litert", "ai_edge_quantizer", "matplotlib", "onnx", "openvino", "pycocotools")
COMMANDS = {
    "coco_start.py": ["FOLDER"],
    "compare.py": ["DATA", "val"],
    "int8_methods.py": ["DATA", "val", "model.keras", "first"],
    "small_sets.py": ["VOC2007"],
    "pack.py": ["packed.keras", "a.keras", "--start", "start.keras"],
}


@pytest.fixture
def script(monkeypatch):
    """Loads a script where the packages of all extras are missing, and returns its `main`."""
    monkeypatch.setattr(sys, "path", [str(SCRIPTS[0].parent), *sys.path])
    for name in list(sys.modules):
        if name.partition(".")[0] in (*EXTRAS, "compare"):
            monkeypatch.delitem(sys.modules, name)
    for name in EXTRAS:
        monkeypatch.setitem(sys.modules, name, None)

    def script(name, *arguments):
        spec = importlib.util.spec_from_file_location("script", SCRIPTS[0].parent / name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        with pytest.raises(SystemExit) as stop:
            module.main()
        return stop.value.code

    return script


@pytest.mark.parametrize("name", COMMANDS)
def test_a_script_explains_itself_without_the_extras(script, name, capsys):
    assert script(name, "--help") == 0
    assert f"python training/{name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_wrong_arguments_of_a_script_lead_to_its_usage(script, name, capsys):
    for arguments in ([], COMMANDS[name]):
        assert script(name, *arguments) == 2
        assert capsys.readouterr().err.startswith(f"usage: {name}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pack.py", "b.keras", "no.keras"], "no.keras"),
        (["pack.py", "b.h5", "no.keras"], "b.h5: the name must end in .keras"),
        (["small_sets.py", "no", "b"], "no/ImageSets/Main/train.txt"),
        (["coco_start.py", "no", "b.keras"], "no/mobilenet_v2_coco_notop.weights.h5"),
        (["compare.py", "no", "val", "m"], "no: there is no such folder"),
        (["int8_methods.py", "no", "val", "m", "0"], "no: there is no such folder"),
    ],
)
def test_what_a_script_cannot_read_is_one_line(script, arguments, message, capsys):
    assert script(*arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"{arguments[0]}: error: ")
    assert message in last


def test_too_few_images_for_a_small_set_are_one_line(script, drawn_voc, tmp_path, capsys):
    assert script("small_sets.py", str(drawn_voc), str(tmp_path / "sets")) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == (
        f"small_sets.py: error: {drawn_voc}: train has 0 images for bird, boat, horse, not 20"
    )
    assert not (tmp_path / "sets").exists()
