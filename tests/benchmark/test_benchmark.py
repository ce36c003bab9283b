"""The figures of a detector on every runtime."""

import json
import math
import re

import numpy as np
import pytest

import keras_ssd
from keras_ssd.benchmark import Benchmark, Measured, benchmark, measuring
from keras_ssd.benchmark.measuring import measure, peak_memory
from keras_ssd.benchmark.variants import VARIANTS, prepare
from keras_ssd.cli import main
from keras_ssd.data import AnnotatedImages, Sample
from keras_ssd.images import write_image

INT8 = "ssd_mobilenet_320_voc_int8"
NAMES = {variant.name for variant in VARIANTS}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, micro_ssd):
    path = tmp_path_factory.mktemp("benchmark") / "best.keras"
    keras_ssd.Detector(micro_ssd(), ["cat", "dog", "car"], max_detections=5).save(path)
    return path


@pytest.fixture
def exports(monkeypatch):
    """The arguments of each export, which is not made."""
    calls = []

    def export(detector, path, name, *, quantize, data):
        if name == "onnx":
            raise ImportError("tf2onnx is missing")
        if quantize == "float16":
            raise ValueError("too different")
        calls.append((name, quantize, None if data is None else len(data)))
        path.write_bytes(b"12345")
        if name == "openvino":
            path.with_suffix(".bin").write_bytes(b"67890")

    monkeypatch.setattr(keras_ssd.Detector, "export", export)
    monkeypatch.setattr(type(keras_ssd.formats.FORMATS[0]), "read", lambda *args, **options: None)
    return calls


def test_each_variant_is_exported_once_and_what_is_impossible_is_told(exports, tiny, tmp_path):
    candidates, missing = prepare(tiny, tmp_path, None)
    assert missing == {
        "ONNX Runtime float32": "tf2onnx is missing",
        "LiteRT float16": "too different",
    }
    assert [candidate.variant.name for candidate in candidates] == [
        variant.name for variant in VARIANTS if variant.name not in missing
    ]
    assert exports == [
        ("litert", None, None),
        ("litert", "int8", 16),
        ("openvino", None, None),  # for bfloat16 too
        ("openvino", "int8", 16),
    ]
    by_name = {candidate.variant.name: candidate for candidate in candidates}
    assert by_name["Keras bfloat16"].model == str(tiny)
    assert by_name["Keras bfloat16"].megabytes == tiny.stat().st_size / 1e6
    assert by_name["OpenVINO float32"].model == by_name["OpenVINO bfloat16"].model
    assert by_name["LiteRT float32"].megabytes == 5e-6
    without_map = {name for name, candidate in by_name.items() if not candidate.with_map}
    assert without_map == {"LiteRT int8", "OpenVINO int8"}  # calibrated on drawn images


def test_int8_that_is_calibrated_on_images_has_a_map(exports, tiny, tmp_path):
    for number in range(3):
        write_image(np.zeros((9, 9, 3), np.uint8), tmp_path / "images" / f"{number}.png")
    candidates, _ = prepare(tiny, tmp_path, tmp_path / "images")
    assert ("litert", "int8", 3) in exports
    assert all(candidate.with_map for candidate in candidates)


def test_a_preset_s_packaged_int8_file_is_measured(exports, tmp_path):
    candidates, _ = prepare("ssd_mobilenet_320_voc", tmp_path, None)
    (int8,) = [one for one in candidates if one.variant.name == "LiteRT int8"]
    assert (int8.model, int8.megabytes, int8.with_map) == (INT8, 4.2, True)
    assert ("litert", "int8", 16) not in exports


def test_a_detector_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(measuring, "_ROUNDS", 3)
    (candidate,), missing = prepare(INT8, tmp_path, None)
    assert missing == {}
    write_image(np.zeros((30, 40, 3), np.uint8), tmp_path / "a.png")
    boxes = np.array([[0.1, 0.1, 0.9, 0.9]], np.float32)
    sample = Sample("a", tmp_path / "a.png", (30, 40), boxes, np.int32([0]), np.array([False]))
    names = keras_ssd.load_detector(INT8).class_names
    one = measure(candidate, AnnotatedImages([sample], names))
    assert one.name == "litert"
    assert 0.5 < one.milliseconds < 5000
    assert 0.2 < one.images_per_second < 2000
    assert one.memory == pytest.approx(peak_memory(), rel=0.5)
    assert one.mean_ap == 0  # nothing is found in a black image
    assert measure(candidate).mean_ap is None


def test_the_time_is_the_median_of_the_rounds(monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(measuring.time, "perf_counter", lambda: next(clock))
    runs = []
    assert measuring._median_seconds(lambda: runs.append(1)) == 1
    assert len(runs) == 3 + 5  # it takes too long for more


RESULT = Benchmark(
    "best.keras",
    500,
    [
        Measured("Keras float32", 20.0, 50.0, 900.0, 6.3, 0.73),
        Measured("LiteRT int8", 6.04, 150.06, None, 4.18, 0.725),
        Measured("OpenVINO int8", 5.0, 200.0, 150.0, 4.0),
    ],
    {"ONNX Runtime float32": "onnx is missing"},
    "a machine",
    "2026-11-27",
)


def test_the_table_has_the_loss_against_the_first(capsys):
    RESULT.print()
    assert capsys.readouterr().out.splitlines() == [
        "runtime          ms  images/s  memory MB  file MB     mAP    loss",
        "Keras float32  20.0      50.0        900      6.3  0.7300  0.0000",
        "LiteRT int8     6.0     150.1          -      4.2  0.7250  0.0050",
        "OpenVINO int8   5.0     200.0        150      4.0       -       -",
        "ONNX Runtime float32: not measured (onnx is missing)",
        "best.keras, 2026-11-27, a machine, mAP on 500 images",
    ]


def test_json_holds_all_figures():
    values = json.loads(json.dumps(RESULT.to_json()))
    assert [one["loss"] for one in values["measured"]][::2] == [0, None]
    assert math.isclose(values["measured"][1]["loss"], 0.005)
    assert values["measured"][1]["milliseconds"] == 6.04
    assert (values["model"], values["num_images"], values["batch"]) == ("best.keras", 500, 8)
    assert values["version"] == keras_ssd.__version__


def test_the_command_measures_an_exported_file_in_a_process_of_its_own(capsys, tmp_path):
    assert main(["benchmark", "--model", INT8, "--json", str(tmp_path / "a.json")]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].startswith("litert ")
    assert re.search(r"^litert: \d+\.\d ms$", printed.err, re.MULTILINE)
    (measured,) = json.loads((tmp_path / "a.json").read_text())["measured"]
    assert measured["memory"] < 300  # without Keras and TensorFlow


def test_wrong_arguments_of_the_command_are_refused_before_anything_is_measured(capsys):
    for options, message in (
        (["--model", "absent.keras"], "absent.keras: no such file"),
        (["--model", INT8, "--data", "absent"], "absent: there is no such folder or file"),
        (["--model", INT8, "--json", "a.txt"], "a.txt: the name must end in .json"),
    ):
        assert main(["benchmark", *options]) == 1
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_every_runtime_measures_a_keras_detector(tiny):
    result = benchmark(tiny)
    assert {one.name for one in result.measured} | {*result.missing} == NAMES
    assert "Keras float32" not in result.missing
    assert result.num_images is None


def test_an_error_in_the_process_arrives(tmp_path):
    (tmp_path / "a.tflite").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"a\.tflite: not a detector"):
        benchmark(tmp_path / "a.tflite")
