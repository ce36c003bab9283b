"""The examples in the documents."""

import ast
import csv
import re
from pathlib import Path

import pytest

import keras_ssd
from keras_ssd.explain.steps import STEPS
from keras_ssd.models.transfer import freeze_up_to

DOCS = Path(__file__).parents[1] / "docs"


def test_the_example_of_records_in_the_document_runs(capsys):
    blocks = re.findall("```python\n(.*?)```", (DOCS / "python.md").read_text("utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if "from_records" in block]
    exec(example, {"keras_ssd": keras_ssd})
    shown = re.search(r"print\(found\)  # (.*)", example)[1]
    assert capsys.readouterr().out == f"{shown}\n"


@pytest.mark.docs
def test_the_example_of_tracking_in_the_document_runs(shared, tmp_path, monkeypatch, capsys):
    blocks = re.findall("```python\n(.*?)```", (DOCS / "python.md").read_text("utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if "TrackDrawing" in block]
    (tmp_path / "street.mp4").symlink_to(shared / "data" / "videos" / "car-detection.mp4")
    monkeypatch.chdir(tmp_path)
    exec(example, {"keras_ssd": keras_ssd})
    *lines, counts = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("frame 62: ")
    assert {line.split("#")[1].split()[0] for line in lines} == {"1", "2", "3", "4"}  # four cars
    ways = ast.literal_eval(counts)[0]["lines"][0]
    # Two cars drive down and two up.
    assert [sum(ways[way].values()) for way in ("left_to_right", "right_to_left")] == [2, 2]


@pytest.mark.slow
def test_the_example_of_an_own_backbone_in_the_document_trains_and_exports(
    drawn_voc, tmp_path, monkeypatch
):
    blocks = re.findall("```python\n(.*?)```", (DOCS / "python.md").read_text("utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if "EfficientNetV2B0" in block]
    assert len([line for line in example.splitlines() if line]) < 25
    (tmp_path / "VOCdevkit").symlink_to(drawn_voc)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example, names)
    log = (tmp_path / "runs" / "efficientnet" / "log.csv").read_text("utf-8").splitlines()
    losses = [float(row["loss"]) for row in csv.DictReader(log)]
    assert losses[-1] < losses[0]
    exported = keras_ssd.load_detector(tmp_path / "efficientnet.tflite")
    assert exported.class_names == ("circle", "rectangle", "triangle")
    image = names["data"].samples[0].read_image()
    (found,) = exported.detect(image, confidence_threshold=0.0)
    assert len(found) > 0
    saved = tmp_path / "runs" / "efficientnet" / "last.keras"
    freeze_up_to(ssd := keras_ssd.load_detector(saved).ssd, "stride8")
    layers = [layer for layer in ssd.layers if layer.weights]
    assert next(layer.name for layer in layers if layer.trainable) == "block4a_dwconv2"


def test_the_tutorial_has_the_texts_and_the_code_of_the_steps_that_explain_draws():
    text = (DOCS / "how_ssd_works.md").read_text("utf-8")
    words = " ".join(text.split())
    for number, step in enumerate(STEPS, start=1):
        assert f"## {number}. {step.title}\n" in text
        assert step.text in words
        assert f"```python\n{step.code}\n```" in text
        assert (DOCS / "images" / "explain" / f"{number}_{step.name}.png").exists()


def test_the_document_says_what_to_do_about_each_kind_of_error():
    text = (DOCS / "evaluate.md").read_text("utf-8")
    kinds = re.findall(r"^\| (\w+) \|", text, re.MULTILINE)
    assert kinds == ["kind", *keras_ssd.evaluation.ERROR_KINDS]


def test_the_document_explains_each_word_of_an_exports_report():
    bounds = keras_ssd.formats.exporting.BOUNDS["int8"]
    words = re.findall(r"([a-z][a-z ]*[a-z]) \S+ \(allowed", bounds.with_bounds(bounds))
    assert len(words) == 5
    text = (DOCS / "export.md").read_text("utf-8")
    assert all(f"`{word}`" in text for word in words)


def _headings(document):
    """The names of a document's headings in links, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_links_of_documents_lead_to_files_and_headings_that_exist():
    root = DOCS.parent
    documents = [*root.glob("*.md"), *DOCS.rglob("*.md")]
    for folder in ("benchmarks", "examples", "saved_models", "training"):
        documents += (root / folder).rglob("*.md")
    count = 0
    for document in documents:
        for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
            if re.match(r"\w+:", link):
                continue  # an address on the web
            path, _, heading = link.partition("#")
            target = document.parent / path if path else document
            assert target.exists(), f"{document.name}: {link}"
            assert not heading or heading in _headings(target), f"{document.name}: {link}"
            count += 1
    assert count > 20
