"""OpenVINO files that are not detectors; test_complete_files.py has the rest."""

import re
import shutil
import subprocess
import sys

import pytest

from keras_ssd import Detector, SSDTiny128
from keras_ssd.formats.openvino.read import OpenVINODetector
from keras_ssd.formats.openvino.write import export_openvino

pytest.importorskip("openvino", reason='needs pip install "keras-ssd[openvino]"')


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    detector = Detector(SSDTiny128(2), ("a", "b"))
    return export_openvino(detector, tmp_path_factory.mktemp("openvino") / "tiny.xml")


@pytest.fixture
def copy(path, tmp_path):
    for suffix in (".xml", ".bin"):
        shutil.copy(path.with_suffix(suffix), tmp_path)
    return tmp_path / path.name


def refusal(path):
    """Returns the end of the message, which gives the reason."""
    start = f"{path}: not a detector exported as .xml by keras-ssd ("
    with pytest.raises(ValueError, match="^" + re.escape(start)) as raised:
        OpenVINODetector(path)
    return str(raised.value).removeprefix(start)


def test_a_missing_file_of_weights_is_named(copy):
    copy.with_suffix(".bin").unlink()
    assert refusal(copy) == "there is no tiny.bin beside it, which holds its weights)"


@pytest.mark.parametrize("content", [b"", b"no weights"])
def test_another_files_weights_are_refused_in_one_line(copy, content):
    copy.with_suffix(".bin").write_bytes(content)
    assert refusal(copy) == "Incorrect weights in bin file!)"


@pytest.mark.parametrize("length", [0, 10, 20000, -30])
def test_a_damaged_file_is_refused_in_one_line(copy, length):
    copy.write_bytes(copy.read_bytes()[:length])
    reason = refusal(copy)
    assert "\n" not in reason
    assert "Exception from" not in reason
    assert len(reason) > 10


SEVERAL_THEN_CTRL_C = """
import faulthandler, os, signal, sys
from keras_ssd.formats.openvino.read import OpenVINODetector

faulthandler.enable()  # as pytest does; it sets the stack that signals are handled on
signal.signal(signal.SIGINT, signal.default_int_handler)
for _ in range(4):
    detectors = [OpenVINODetector(sys.argv[1]) for _ in range(4)]
    while detectors:
        del detectors[0]
try:
    os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_is_handled_after_several_detectors_came_and_went(path):
    command = [sys.executable, "-c", SEVERAL_THEN_CTRL_C, str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr
