"""The packaged int8 file by the rules of the Edge TPU's compiler, and the script on the CPU."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

import keras_ssd
from keras_ssd.presets import find_preset, packaged_file

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "coral"
PHOTO = ROOT / "examples" / "photos" / "chelsea.jpg"


@pytest.fixture(scope="module")
def model():
    return packaged_file(find_preset("ssd_mobilenet_320_voc_int8"))


@pytest.fixture(scope="module")
def check_operators():
    spec = importlib.util.spec_from_file_location("check", FOLDER / "check_operators.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_edge_tpu_can_take_the_whole_network_in_one_run(model, check_operators):
    found = check_operators.operators(model.read_bytes())
    possible = [is_possible for _, is_possible in found]
    start = possible.index(False)
    assert (start, len(found)) == (126, 184)
    assert not any(possible[start:])
    network = {"CONV_2D", "DEPTHWISE_CONV_2D"}
    assert network.isdisjoint(name for name, _ in found[start:])
    assert found[start][0] == "DEQUANTIZE"


def test_every_operator_is_of_the_first_version_which_the_old_compiler_knows(model):
    graph = schema.ModelT.InitFromPackedBuf(model.read_bytes(), 0)
    assert {code.version for code in graph.operatorCodes} == {1}


def test_all_shapes_are_fixed_and_batches_have_one_image(model):
    graph = schema.ModelT.InitFromPackedBuf(model.read_bytes(), 0).subgraphs[0]
    for operator in graph.operators[:126]:
        for tensor in (graph.tensors[index] for index in operator.outputs):
            assert tensor.shape[0] == 1
            assert min(tensor.shape) > 0
            assert tensor.shapeSignature is None or min(tensor.shapeSignature) > 0


def test_the_script_prints_which_operators_run_where(model):
    command = [sys.executable, FOLDER / "check_operators.py", model]
    edge_tpu, cpu = subprocess.check_output(command, text=True).splitlines()
    assert edge_tpu.startswith("Edge TPU, 126 operators: ADD 11, CONCATENATION 2, CONV_2D 55, ")
    assert cpu.startswith("CPU, 58 operators: ADD 3, CAST 3, ")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (FOLDER / "nowhere.tflite", "No such file or directory"),
        (FOLDER / "detect.py", "not a .tflite file"),
    ],
)
def test_what_is_not_a_tflite_file_is_told_in_one_line(path, message):
    command = [sys.executable, FOLDER / "check_operators.py", path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"{path}: {message}\n"


def run(model, folder, *arguments):
    with zipfile.ZipFile(model) as archive:
        labels = archive.extract("labels.txt", folder)
    command = [sys.executable, FOLDER / "detect.py", model, labels, PHOTO, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_without_an_edge_tpu_the_script_runs_on_the_cpu(model, tmp_path, lines_of):
    done = run(model, tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = keras_ssd.load_detector(model).detect([PHOTO], confidence_threshold=0.4)
    (line,) = lines_of(found)
    assert line.startswith("cat ")
    assert done.stdout == f"{line}\n"


def test_a_library_that_is_missing_is_told(model, tmp_path):
    done = run(model, tmp_path, "libmissing.so.1")
    assert done.returncode == 1
    assert "Edge TPU cannot be loaded: libmissing.so.1: cannot open" in done.stderr
