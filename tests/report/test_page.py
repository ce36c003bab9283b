import dataclasses
import sys

import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.report import page, write_report
from keras_ssd.report.page import write_page
from keras_ssd.report.run_part import run_part

PARTS = ["classes", "curves", "confusion", "errors", "sizes", "worst", "best", "made"]


def renamed(data, names):
    return AnnotatedImages(data.samples, names)


def test_the_page_has_every_part_and_says_what_it_shows(data, found, measured, read_page, tmp_path):
    path = tmp_path / "new" / "report.html"
    write_report(path, measured(found(data), data), data, model="my detector")
    page = read_page(path)
    assert [one for one in page.ids if one in PARTS] == PARTS
    assert "Evaluation of my detector" in page.text
    assert "8 images, CRC " in page.text
    assert f"numpy{np.__version__}" in page.text
    worst = [label for label in page.labels if label.startswith("detections in")]
    assert ": background error. " in " ".join(worst)
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize(
    "names",
    [
        ("<script>alert(1)</script>", '"><svg onload=alert(1)>', "{{ 7 * 7 }}'&amp;"),
        ("猫", "قطة كبيرة", "\u202eevil\U0001f600"),
        ("a" * 300, " ", "half a pair \udcff"),
    ],
)
def test_any_class_name_is_shown_as_it_is(names, data, found, measured, read_page, tmp_path):
    named = renamed(data, names)
    write_report(tmp_path / "a.html", measured(found(named), named), named, model=names[0])
    text = read_page(tmp_path / "a.html").text
    for name in names:
        assert name.replace("\udcff", "\\udcff") in text


@pytest.mark.parametrize("count", [1, 80])
def test_one_class_and_eighty_make_a_page(count, data, found, measured, read_page, tmp_path):
    samples = [dataclasses.replace(one, labels=one.labels % count) for one in data]
    named = AnnotatedImages(samples, [f"class {number}" for number in range(count)])
    write_report(tmp_path / "a.html", measured(found(named), named), named)
    page = read_page(tmp_path / "a.html")
    assert ("class 79" in page.text) == (count == 80)
    assert (tmp_path / "a.html").stat().st_size < 1_500_000


def test_no_detections_and_no_images_make_a_page(data, measured, read_page, tmp_path, unreadable):
    broken = [dataclasses.replace(one, image=unreadable[0]) for one in data]
    broken = dataclasses.replace(data, samples=broken)
    skipped = {one.id for one in broken}
    write_report(tmp_path / "a.html", measured([], broken), broken, skipped=skipped)
    page = read_page(tmp_path / "a.html")
    assert "The image cannot be read" in page.text
    assert "8 images could not be read; all objects there count as missed." in page.text
    assert "No image has a correct detection" in page.text


def test_no_objects_make_a_page(data, found, measured, read_page, tmp_path):
    empty = [
        dataclasses.replace(
            one, boxes=one.boxes[:0], labels=one.labels[:0], difficult=one.difficult[:0]
        )
        for one in data
    ]
    empty = dataclasses.replace(data, samples=empty)
    write_report(tmp_path / "a.html", measured(found(empty), empty), empty)
    page = read_page(tmp_path / "a.html")
    assert "There are no objects, so there are no curves." in page.text
    assert "nan" not in page.text


def test_a_run_has_its_charts_and_settings_on_the_page(read_page, tmp_path):
    log = [{"epoch": str(epoch), "classes_loss": "2", "offsets_loss": "1"} for epoch in range(3)]
    run = run_part("3 of 4 epochs are done.", log, [(0, {"<b>": "0.5"})], {"seed": 7})
    write_page(tmp_path / "a.html", title="Run", run=run, facts=[("data", "5 images")])
    page = read_page(tmp_path / "a.html")
    assert "training" in page.ids
    assert "3 of 4 epochs are done." in page.text
    assert "Loss by part. classes: from 2 at epoch 1 to 2 at epoch 3." in " ".join(page.labels)
    assert "<b>" in page.text
    write_page(tmp_path / "b.html", title="Run", run=run_part("Nothing is done.", [], [], {}))
    assert "No epoch is complete yet." in read_page(tmp_path / "b.html").text


def test_missing_jinja2_says_how_to_install_it(monkeypatch, tmp_path):
    page._environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"pip install \"keras-ssd\[train\]\""):
        write_page(tmp_path / "a.html", title="Run")
