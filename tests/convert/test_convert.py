"""The choice of a checkpoint's converter, class names and default boxes."""

import keras
import pytest

import keras_ssd.convert
from keras_ssd.classes import COCO_CLASSES, COCO_CLASSES_BY_ID, VOC_CLASSES
from keras_ssd.convert import convert_checkpoint
from keras_ssd.convert.names import names_for

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the same on every backend"
)


@pytest.fixture
def calls(monkeypatch):
    """Notes what each converter is called with instead of running it."""
    calls = []
    for name in ("torch", "tensorflow"):
        monkeypatch.setattr(
            keras_ssd.convert,
            f"convert_{name}_checkpoint",
            lambda *arguments, name=name: calls.append((name, *arguments)),
        )
    return calls


def test_the_file_tells_pytorch_from_tensorflow(calls, tmp_path):
    for name in ("zoo.tar.gz", "ssd.pth", "model.ckpt.index"):
        (tmp_path / name).touch()
    for name in ("zoo.tar.gz", "model.ckpt", ".", "ssd.pth", "gone.pth"):
        convert_checkpoint(tmp_path / name)
    assert [(call[0], call[1].name) for call in calls] == [
        ("tensorflow", "zoo.tar.gz"),
        ("tensorflow", "model.ckpt"),
        ("tensorflow", tmp_path.name),
        ("torch", "ssd.pth"),
        ("torch", "gone.pth"),
    ]


def test_a_source_that_is_given_overrules_the_file(calls):
    convert_checkpoint("ssd.pth", "tensorflow", ["cat"])
    convert_checkpoint("ssd.tar.gz", "caffe", ["cat"], boxes="coco")
    assert calls == [
        ("tensorflow", "ssd.pth", ["cat"]),
        ("torch", "ssd.tar.gz", "caffe", ["cat"], "coco"),
    ]


def test_an_unknown_source_and_boxes_for_tensorflow_are_refused(calls):
    message = "source: expected auto, amdegroot, .* or tensorflow, not 'darknet'"
    with pytest.raises(ValueError, match=message):
        convert_checkpoint("ssd.pth", "darknet")
    with pytest.raises(ValueError, match="boxes: a TensorFlow checkpoint has default boxes"):
        convert_checkpoint("ssd.tar.gz", boxes="coco")
    assert calls == []


@pytest.mark.parametrize(
    ("num_classes", "expected", "origin"),
    [(20, VOC_CLASSES, "VOC's"), (80, COCO_CLASSES, "COCO's"), (90, COCO_CLASSES_BY_ID, "COCO's")],
)
def test_names_are_guessed_by_their_number_and_the_log_says_so(
    num_classes, expected, origin, caplog
):
    caplog.set_level("INFO", "keras_ssd")
    assert names_for(None, num_classes, "ssd.pth") == expected
    assert (
        f"ssd.pth: the names of its {num_classes} classes are taken to be {origin}" in caplog.text
    )


def test_names_that_are_given_must_be_as_many_as_the_classes(caplog):
    caplog.set_level("INFO", "keras_ssd")
    assert names_for((name for name in ("cat", "dog")), 2, "ssd.pth") == ("cat", "dog")
    assert caplog.text == ""
    message = "^class_names: 2 names given, but ssd.pth has 3 foreground classes$"
    with pytest.raises(ValueError, match=message):
        names_for(["cat", "dog"], 3, "ssd.pth")
    with pytest.raises(ValueError, match="not the one string 'cat'"):
        names_for("cat", 3, "ssd.pth")
    with pytest.raises(ValueError, match=r"has 3 foreground classes, neither .* give their names"):
        names_for(None, 3, "ssd.pth")
