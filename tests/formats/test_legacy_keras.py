"""Exports work if TF_USE_LEGACY_KERAS=1 is set, by which other programs ask for Keras 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import keras_ssd

EXPORT = """
import sys
import keras_ssd
detector = keras_ssd.Detector(keras_ssd.SSDTiny128(2), ["cat", "dog"])
for name in ("d.xml", "d.onnx"):
    print(detector.export(sys.argv[1] + "/" + name, check=False))
"""


def test_openvino_and_onnx_files_are_written(tmp_path):
    pytest.importorskip("openvino")
    pytest.importorskip("tf2onnx")
    environment = {
        **os.environ,
        "TF_USE_LEGACY_KERAS": "1",
        "PYTHONPATH": str(Path(keras_ssd.__file__).parents[1]),
    }
    command = [sys.executable, "-c", EXPORT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.bin", "d.onnx", "d.xml"]
