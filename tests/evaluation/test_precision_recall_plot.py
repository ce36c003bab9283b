import sys

import cv2
import numpy as np
import pytest

from keras_ssd.evaluation.precision_recall_plot import plot_precision_recall
from keras_ssd.evaluation.voc import ClassResult, VOCResult


@pytest.mark.parametrize(
    ("num_classes", "width", "height"), [(1, 312, 360), (3, 936, 360), (7, 1560, 648)]
)
def test_the_plot_is_a_png_that_grows_with_the_classes(
    voc_result, tmp_path, num_classes, width, height
):
    path = tmp_path / "plots" / "curves.png"
    classes = (voc_result.classes + 4 * voc_result.classes[:1])[:num_classes]
    plot_precision_recall(VOCResult(classes), path)
    assert path.read_bytes().startswith(b"\x89PNG")
    assert cv2.imread(str(path)).shape == (height, width, 3)


@pytest.mark.parametrize(
    ("recall", "precision", "area"),
    [
        # A false positive, then four of five objects: the envelope is 0.8 all along.
        ([0, 1 / 5, 2 / 5, 3 / 5, 4 / 5], [0, 1 / 2, 2 / 3, 3 / 4, 4 / 5], 0.8 * 0.8),
        # One of two objects, three false positives, the other one.
        ([1 / 2, 1 / 2, 1 / 2, 1 / 2, 1], [1, 1 / 2, 1 / 3, 1 / 4, 2 / 5], 0.5 + 0.5 * 0.4),
    ],
)
def test_the_shaded_area_is_the_average_precision(tmp_path, recall, precision, area):
    path = tmp_path / "curve.png"
    scores = np.linspace(0.9, 0.5, 5)
    entry = ClassResult("cat", 5, 5, area, area, np.array(recall), np.array(precision), scores)
    plot_precision_recall(VOCResult((entry,)), path)
    image = cv2.imread(str(path)).astype(int)
    colored = np.ptp(image, axis=-1) > 20  # the rest is black, white and gray
    # The frame is dark over its whole length: it bounds recall 0..1 and precision 0..1.02.
    dark = image.max(axis=-1) < 100
    rows = np.flatnonzero(dark.sum(axis=1) > 150)
    columns = np.flatnonzero(dark.sum(axis=0) > 150)
    panel = (rows[-1] - rows[0]) * (columns[-1] - columns[0])
    assert 1.02 * colored.sum() / panel == pytest.approx(area, abs=0.03)


def test_a_class_name_is_not_read_as_a_formula(tmp_path):
    named = ClassResult("$^$", 3, 0, 0.0, 0.0, np.zeros(0), np.zeros(0), np.zeros(0))
    plot_precision_recall(VOCResult((named,)), tmp_path / "curve.png")


def test_missing_matplotlib_says_how_to_install_it(voc_result, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install \"keras-ssd\[train\]\""):
        plot_precision_recall(voc_result, tmp_path / "curve.png")
