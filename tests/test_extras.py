import sys

import pytest

from keras_ssd.extras import require


def test_the_module_itself_is_returned_where_its_name_has_dots():
    import xml.dom.minidom

    assert require("xml.dom.minidom", extra="train") is xml.dom.minidom


def test_a_missing_package_is_named_with_the_command_that_installs_it():
    message = r'^no_such_package is missing: pip install "keras-ssd\[onnx\]"$'
    with pytest.raises(ImportError, match=message):
        require("no_such_package.part", extra="onnx")


def test_a_package_that_the_module_needs_is_the_one_that_is_named(tmp_path, monkeypatch):
    (tmp_path / "installed_without_its_needs.py").write_text("import no_such_need\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        ImportError, match=r'^no_such_need is missing: pip install "keras-ssd\[a\]"$'
    ):
        require("installed_without_its_needs", extra="a")


def test_a_package_that_does_not_load_is_not_called_missing(tmp_path, monkeypatch):
    (tmp_path / "damaged.py").write_text("raise ImportError('libx.so.1: no such file')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"^damaged cannot be imported \(libx\.so\.1.*\): pip"):
        require("damaged", extra="a")
    assert "damaged" not in sys.modules
