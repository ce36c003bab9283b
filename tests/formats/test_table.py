"""The table of formats finds the format that a path, a name or an option means."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import keras_ssd
from keras_ssd.formats import FORMATS, format_to_read, format_to_write

NO_KERAS = """
import sys
from keras_ssd.formats import FORMATS, export
from keras_ssd.loading import load_detector
print(sorted({"keras", "tensorflow"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("d.tflite", "litert"),
        (Path("a.b") / "d.onnx", "onnx"),
        ("d.xml", "openvino"),
        ("models/d", "saved_model"),
    ],
)
def test_the_suffix_says_the_format_to_write(path, name):
    assert format_to_write(path).name == name


def test_a_name_decides_where_the_suffix_says_nothing():
    assert format_to_write("models/v1.2", "saved_model").name == "saved_model"


def test_an_unknown_suffix_or_name_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match=r"d\.pb: the suffix \.pb .* \.tflite, \.onnx, \.xml, or"):
        format_to_write("d.pb")
    with pytest.raises(
        ValueError, match=r"format: .* litert, onnx, openvino, saved_model, not 'tf'"
    ):
        format_to_write("d.tflite", "tf")


def test_a_file_to_read_goes_by_its_suffix_and_a_folder_is_a_saved_model(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "d.onnx").touch()
    assert format_to_read(tmp_path / "folder.onnx").name == "saved_model"
    assert format_to_read(tmp_path / "d.onnx").name == "onnx"


@pytest.mark.parametrize("name", ["d.pb", "no_suffix"])
def test_a_file_of_another_kind_is_named(tmp_path, name):
    (tmp_path / name).touch()
    message = rf"{name}: expected a detector: a file that ends in \.keras, \.tflite, \.onnx, "
    with pytest.raises(ValueError, match=message):
        keras_ssd.load_detector(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "option", "message"),
    [
        ("d.tflite", {"dtype": "float32"}, "dtype: .* it is for an OpenVINO file"),
        ("d.onnx", {"dtype": "float32"}, "dtype: .* it is for an OpenVINO file"),
        ("d", {"num_threads": 1}, r"num_threads: .* for a LiteRT file \(.tflite\) or an ONNX file"),
    ],
)
def test_an_option_that_a_file_does_not_take_is_refused_before_it_is_opened(
    tmp_path, name, option, message
):
    path = tmp_path / name
    if path.suffix:
        path.touch()
    else:
        path.mkdir()
        (path / "saved_model.pb").touch()
    with pytest.raises(ValueError, match=message):
        keras_ssd.load_detector(path, **option)


def test_a_keras_detector_takes_no_number_of_threads():
    with pytest.raises(ValueError, match="num_threads: ssd_mobilenet_320_voc is a Keras detector"):
        keras_ssd.load_detector("ssd_mobilenet_320_voc", num_threads=2)


def test_the_table_needs_neither_keras_nor_tensorflow():
    environment = {**os.environ, "PYTHONPATH": str(Path(keras_ssd.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", NO_KERAS], capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_every_writer_and_reader_of_the_table_exists():
    import pkgutil

    for one in FORMATS:
        assert callable(pkgutil.resolve_name(one.writer))
        assert pkgutil.resolve_name(one.reader).kind.startswith("exported as ")
