"""The notebooks run from top to bottom, and the detectors that they train find something."""

import re
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from keras_ssd.explain.steps import STEPS

EXAMPLES = Path(__file__).parents[2] / "examples"


def read_notebook(name):
    return nbformat.read(EXAMPLES / name, as_version=4)


def run_notebook(name, folder, monkeypatch):
    """Runs a notebook in a new folder; returns what each cell printed, and the seconds."""
    monkeypatch.setenv("PYTHONPATH", str(EXAMPLES.parent))
    (folder / "photos").symlink_to(EXAMPLES / "photos")
    notebook = read_notebook(name)
    began = time.monotonic()
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    printed = [
        "".join(out.text for out in cell.get("outputs", ()) if out.get("name") == "stdout")
        for cell in notebook.cells
    ]
    return printed, time.monotonic() - began


def mean_ap(printed):
    """The mAP (11-point) in the table that a cell printed."""
    (found,) = re.findall(r"^mean +(\S+)", "\n".join(printed), re.MULTILINE)
    return float(found)


@pytest.mark.docs
def test_the_quickstart_detects_trains_evaluates_explains_and_exports(tmp_path, monkeypatch):
    printed, seconds = run_notebook("quickstart.ipynb", tmp_path, monkeypatch)
    assert any("photos/astronaut.jpg: person 0.9" in text for text in printed)
    assert mean_ap(printed) > 0.8
    *_, trained, exported = (text for text in printed if re.search(r"\d detections? in", text))
    assert set(re.findall("circle|rectangle|triangle", exported)) == set(
        re.findall("circle|rectangle|triangle", trained)
    )
    assert (tmp_path / "runs" / "shapes" / "report.html").stat().st_size > 10_000
    assert seconds < 300


@pytest.mark.docs
def test_the_toy_detector_of_the_tutorial_learns(tmp_path, monkeypatch):
    printed, seconds = run_notebook("how_ssd_works.ipynb", tmp_path, monkeypatch)
    assert "(1, 2034, 4) (1, 2034, 21)\n" in printed
    assert mean_ap(printed) > 0.6
    assert seconds < 300


def test_the_notebook_of_the_tutorial_has_the_steps_that_explain_draws():
    cells = [cell.source for cell in read_notebook("how_ssd_works.ipynb").cells]
    for number, step in enumerate(STEPS, start=1):
        place = cells.index(f"## {number}. {step.title}\n\n{step.text}")
        assert cells[place + 1] == step.code
        assert any(f"explained/{number}_{step.name}.png" in cell for cell in cells)


@pytest.mark.parametrize("name", ["quickstart.ipynb", "how_ssd_works.ipynb"])
def test_a_notebook_is_committed_without_outputs(name):
    cells = [cell for cell in read_notebook(name).cells if cell.cell_type == "code"]
    assert cells
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)
