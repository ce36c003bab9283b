"""The examples in the documents."""

import re
from pathlib import Path

import keras_ssd

DOCS = Path(__file__).parents[1] / "docs"


def test_the_example_of_records_in_the_document_runs(capsys):
    blocks = re.findall("```python\n(.*?)```", (DOCS / "python.md").read_text("utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if "from_records" in block]
    exec(example, {"keras_ssd": keras_ssd})
    shown = re.search(r"print\(found\)  # (.*)", example)[1]
    assert capsys.readouterr().out == f"{shown}\n"


def test_the_document_explains_each_word_of_an_exports_report():
    bounds = keras_ssd.formats.exporting.BOUNDS["int8"]
    words = re.findall(r"([a-z][a-z ]*[a-z]) \S+ \(allowed", bounds.with_bounds(bounds))
    assert len(words) == 5
    text = (DOCS / "export.md").read_text("utf-8")
    assert all(f"`{word}`" in text for word in words)
