"""The choice of the program that runs a detector."""

import logging
import re
import subprocess
import sys

import numpy as np
import pytest

import keras_ssd
from keras_ssd.formats import ExportError
from keras_ssd.images import write_image
from keras_ssd.presets import find_preset, preset_file
from keras_ssd.runtime import RUNTIMES, choosing, load_for
from keras_ssd.runtime.cache import CachedExport

PRESET, INT8 = "ssd_mobilenet_320_voc", "ssd_mobilenet_320_voc_int8"


@pytest.fixture(autouse=True)
def loaded(monkeypatch, tmp_path):
    """What is loaded or exported, which no test does."""
    calls = []

    def load_detector(model, dtype=None):
        calls.append(("file", model, dtype))
        return "detector"

    def load_keras_detector(model, dtype=None):
        calls.append(("keras", model, dtype))
        return "Keras detector"

    def open_export(export, load, **options):
        assert load() == "Keras detector"  # loaded in float32, for the export
        assert calls.pop()[2] == "float32"
        calls.append((export.format.name, export.source, len(export.calibration), options))
        return "exported detector"

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(choosing, "load_detector", load_detector)
    monkeypatch.setattr(choosing, "load_keras_detector", load_keras_detector)
    monkeypatch.setattr(choosing, "_reason_for_keras", lambda: None)
    monkeypatch.setattr(CachedExport, "open", open_export)
    return calls


@pytest.fixture
def own_file(tmp_path):
    path = tmp_path / "best.keras"
    path.write_bytes(b"a detector")
    return path


@pytest.fixture
def images(tmp_path):
    for number in range(3):
        write_image(np.full((9, 9, 3), number, np.uint8), tmp_path / "images" / f"{number}.png")
    return tmp_path / "images"


@pytest.fixture
def said(caplog):
    """A function that returns the one line that was logged."""
    caplog.set_level(logging.INFO, "keras_ssd")

    def line():
        (message,) = caplog.messages
        return message

    return line


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("runtime", ["auto", "litert"])
def test_a_preset_runs_as_its_packaged_int8_file(loaded, said, many, runtime):
    load_for(PRESET, many=many, runtime=runtime)
    assert loaded == [("file", INT8, None)]
    assert re.match(rf"{PRESET} runs in int8 on LiteRT, .*: mAP 0\.745 .* mAP 0\.745 ", said())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("keras", None)),
        ({"dtype": "auto"}, ("keras", "auto")),
        ({"many": True}, ("litert", {})),
        ({"many": True, "dtype": "auto"}, ("litert", {})),
        ({"many": True, "dtype": "float32"}, ("litert", {})),
        ({"many": True, "dtype": "mixed_bfloat16"}, ("keras", "mixed_bfloat16")),
        ({"many": True, "runtime": "keras"}, ("keras", None)),
        ({"runtime": "keras", "dtype": "mixed_bfloat16"}, ("keras", "mixed_bfloat16")),
        ({"runtime": "litert"}, ("litert", {})),
        ({"runtime": "onnx"}, ("onnx", {})),
        ({"runtime": "openvino"}, ("openvino", {})),
        (
            {"runtime": "openvino", "dtype": "mixed_bfloat16"},
            ("openvino", {"dtype": "mixed_bfloat16"}),
        ),
    ],
)
def test_what_a_detector_without_packaged_int8_runs_on(loaded, said, own_file, options, expected):
    load_for(own_file, **options)
    kind, option = expected
    if kind == "keras":
        assert loaded == [("keras", own_file, option)]
        assert f"{own_file} runs on Keras, " in said()
    else:
        assert loaded == [(kind, own_file, 0, option)]
        precision = "bfloat16" if option else "float32"
        assert f" runs in {precision} on {choosing._TITLES[kind]}, from its export " in said()


@pytest.mark.parametrize("options", [{"dtype": "float32"}, {"changes_nms": True}])
def test_a_preset_in_float32_or_with_another_nms_runs_as_any_other_detector(loaded, options):
    load_for(PRESET, **options)
    load_for(PRESET, many=True, **options)
    assert loaded == [
        ("keras", PRESET, options.get("dtype")),
        ("litert", preset_file(find_preset(PRESET)), 0, {}),
    ]


def test_an_export_that_was_made_before_is_taken_for_few_images_too(loaded, own_file):
    export = CachedExport(own_file, choosing._FORMATS["litert"])
    export.path.parent.mkdir(parents=True)
    export.path.touch()
    load_for(own_file)
    assert loaded == [("litert", own_file, 0, {})]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "litert"),
        ({"runtime": "litert", "dtype": "auto"}, "litert"),
        ({"runtime": "openvino"}, "openvino"),
    ],
)
@pytest.mark.parametrize("model", ["own", PRESET])
def test_calibrate_exports_in_int8(loaded, said, own_file, images, model, options, expected):
    source = own_file if model == "own" else preset_file(find_preset(PRESET))
    load_for(own_file if model == "own" else PRESET, calibrate=images, **options)
    assert loaded == [(expected, source, 3, {})]
    assert " runs in int8 on " in said()


def test_an_exported_file_runs_on_its_own_runtime_and_nothing_is_said(loaded, caplog):
    caplog.set_level(logging.INFO, "keras_ssd")
    for runtime in ("auto", "litert"):
        load_for(INT8, runtime=runtime, many=True)
    assert loaded == [("file", INT8, None)] * 2
    assert caplog.messages == []


def test_without_litert_keras_is_taken_and_the_reason_said(loaded, said, own_file, monkeypatch):
    monkeypatch.setattr(choosing, "_has_litert", lambda: False)
    load_for(own_file, many=True)
    assert loaded == [("keras", own_file, None)]
    assert said().endswith("because ai-edge-litert is not installed")


def test_where_an_export_is_no_gain_keras_is_taken(loaded, said, own_file, monkeypatch):
    monkeypatch.setattr(choosing, "_reason_for_keras", lambda: "there is a GPU")
    load_for(own_file, many=True)
    assert loaded == [("keras", own_file, None)]
    assert said().endswith("runs on Keras, because there is a GPU")


@pytest.mark.parametrize("error", [ExportError("too different"), OSError(30, "Read-only", "x")])
def test_an_export_that_fails_leaves_keras_unless_it_was_asked_for(
    loaded, said, own_file, monkeypatch, error
):
    def fail(export, load, **options):
        raise error

    monkeypatch.setattr(CachedExport, "open", fail)
    load_for(own_file, many=True)
    assert loaded == [("keras", own_file, None)]
    assert "because its export failed (" in said()
    with pytest.raises(type(error)):
        load_for(own_file, runtime="litert")


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (PRESET, {"runtime": "cpu"}, f"^runtime: expected one of {', '.join(RUNTIMES)}, not 'cpu'"),
        (INT8, {"runtime": "keras"}, rf"^runtime: {INT8} is a LiteRT file .* keras does not run$"),
        (INT8, {"calibrate": "x"}, f"^calibrate: {INT8} is a LiteRT file .* was exported already$"),
        ("own", {"calibrate": "images", "runtime": "onnx"}, "^calibrate: onnx does not run int8; "),
        ("own", {"calibrate": "images", "runtime": "keras"}, "expected litert, openvino$"),
        ("own", {"calibrate": "nothing"}, "nothing: "),
        ("own", {"runtime": "litert", "dtype": "mixed_bfloat16"}, "^dtype: .* LiteRT file"),
        ("own", {"runtime": "onnx", "dtype": "mixed_bfloat16"}, "^dtype: .* an ONNX file"),
        ("absent.keras", {}, r"^absent\.keras: no such file"),
    ],
)
def test_what_does_not_go_together_is_refused(loaded, own_file, images, model, options, message):
    if "calibrate" in options:
        options = {**options, "calibrate": images.parent / options["calibrate"]}
    with pytest.raises(ValueError, match=message):
        load_for(own_file if model == "own" else model, **options)
    assert loaded == []


SCRIPT = """
import sys
from keras_ssd.runtime import load_for
detector = load_for("ssd_mobilenet_320_voc", many=True)
print(type(detector).__name__, *{"keras", "tensorflow"} & set(sys.modules))
"""


def test_a_preset_is_loaded_without_keras_and_tensorflow():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout == "LiteRTDetector\n"


def test_the_presets_name_presets_of_int8():
    names = {preset.name: preset for preset in keras_ssd.list_presets()}
    pairs = [(preset, names[preset.int8]) for preset in names.values() if preset.int8]
    assert [(one.name, other.name, other.kind) for one, other in pairs] == [
        (PRESET, INT8, "litert")
    ]
