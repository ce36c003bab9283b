import importlib
import re
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "keras_ssd"


def test_opencv_is_imported_in_one_place():
    importing = re.compile(r"^\s*(import cv2|from cv2)", re.MULTILINE)
    files = [path for path in PACKAGE.rglob("*.py") if importing.search(path.read_text("utf-8"))]
    assert files == [PACKAGE / "images" / "opencv.py"]


def test_an_opencv_that_does_not_load_is_explained(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.delitem(sys.modules, "keras_ssd.images.opencv")
    with pytest.raises(ImportError, match=r"apt-get install libgl1 .* opencv-python-headless"):
        importlib.import_module("keras_ssd.images.opencv")
