"""Exports on a backend other than TensorFlow's."""

import keras
import pytest

from keras_ssd.formats.backend import require_tensorflow


@pytest.mark.parametrize("name", ["a.tflite", "a.onnx", "a.xml", "a"])
def test_other_backends_are_refused_and_nothing_is_written(detector, tmp_path, monkeypatch, name):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(ValueError, match=r"backend is jax, .* KERAS_BACKEND=tensorflow before"):
        detector.export(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_tensorflow_is_let_through():
    require_tensorflow()
