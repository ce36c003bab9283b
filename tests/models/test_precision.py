import dataclasses
import logging

import keras
import numpy as np
import pytest

import keras_ssd
from keras_ssd.config import SSD_TINY_128
from keras_ssd.detector.detector import decode_layer, ssd_model
from keras_ssd.models import SSD, SSDTiny128, backbones, build_detector, precision, presets
from keras_ssd.models.precision import automatic_precision, with_precision

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)


def dtypes(detector):
    """The policy of each layer of the SSD within, by the layer's kind."""
    layers = ssd_model(detector).layers[1:]  # without the input, whose tensor is float32 throughout
    return {type(layer).__name__: layer.dtype_policy.name for layer in layers}


@pytest.fixture
def detector():
    keras.utils.set_random_seed(1)
    return build_detector(SSDTiny128(2), ("cat", "dog"), iou_threshold=0.3, max_detections=7)


def test_bfloat16_computes_in_it_but_for_weights_pixels_and_decoding(detector):
    before = detector.predict(IMAGES, verbose=0)
    copy = with_precision(detector, "bfloat16")
    kinds = dtypes(copy)
    assert kinds["Rescaling"] == "float32"
    assert kinds["Conv2D"] == "mixed_bfloat16"
    for ours, theirs in zip(copy.get_weights(), detector.get_weights(), strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs)
    assert copy.input.dtype == "uint8"
    assert ssd_model(copy).input.dtype == "float32"
    assert decode_layer(copy).get_config() == decode_layer(detector).get_config()
    after = copy.predict(IMAGES, verbose=0)
    assert {name: array.dtype for name, array in after.items()} == {
        name: array.dtype for name, array in before.items()
    }
    np.testing.assert_allclose(after["scores"], before["scores"], atol=0.02)
    assert np.abs(after["scores"] - before["scores"]).max() > 0
    np.testing.assert_array_equal(detector.predict(IMAGES, verbose=0)["scores"], before["scores"])


def test_a_backbone_may_hold_operations_and_models():
    images = keras.Input((128, 128, 3))
    inner = keras.Sequential([keras.Input((128, 128, 3)), keras.layers.Conv2D(3, 1)])
    backbone = keras.Model(images, backbones.tiny(128)(inner(images / 255)))
    detector = build_detector(SSD(SSD_TINY_128, 1, backbone=backbone), ("cat",))
    copy = with_precision(detector, "bfloat16")
    (inside,) = ssd_model(copy).get_layer(inner.name).layers
    assert inside.compute_dtype == "bfloat16"
    assert with_precision(copy, "bfloat16") is copy
    scores = [model.predict(IMAGES, verbose=0)["scores"] for model in (detector, copy)]
    np.testing.assert_allclose(*scores, atol=0.02)


@pytest.fixture
def mixed_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def test_mixed_precision_becomes_float32_and_keeps_its_weights(mixed_bfloat16):
    detector = build_detector(SSDTiny128(2), ("cat", "dog"))
    copy = with_precision(detector, "float32")
    assert set(dtypes(copy).values()) == {"float32"}
    for ours, theirs in zip(copy.get_weights(), detector.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_detector_of_that_precision_is_left_as_it_is(detector):
    assert with_precision(detector, "float32") is detector
    copy = with_precision(detector, "bfloat16")
    assert with_precision(copy, "bfloat16") is copy


@pytest.fixture
def processor(monkeypatch):
    """Sets whether the processor computes in bfloat16; each choice may be logged again."""
    precision._log_once.cache_clear()
    return lambda can: monkeypatch.setattr(precision, "computes_in_bfloat16", lambda: can)


@pytest.mark.parametrize(
    ("can", "map_loss", "time", "expected", "reason"),
    [
        (True, 0.003, 0.5, "bfloat16", "0.50 of float32's time, mAP -0.0030"),
        (True, 0.004, 0.5, "float32", "costs 0.004 mAP"),
        (True, 0.001, 1.15, "float32", "takes 1.15"),
        (True, None, 0.5, "float32", "has not been measured"),
        (True, 0.001, None, "float32", "has not been measured"),
        (False, 0.001, 0.5, "float32", "processor"),
    ],
)
def test_the_automatic_choice_and_its_reason(
    processor, caplog, can, map_loss, time, expected, reason
):
    processor(can)
    with caplog.at_level(logging.INFO, logger="keras_ssd"):
        for _ in range(2):
            assert automatic_precision("some model", map_loss, time) == expected
    (record,) = caplog.records
    assert record.message.startswith(f"some model computes in {expected}")
    assert reason in record.message


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("sse amx_bf16 x", True), ("avx512_bf16", True), ("avx512f avx512_vnni", False)],
)
def test_the_processor_is_asked(monkeypatch, tmp_path, flags, expected):
    (tmp_path / "cpuinfo").write_text(f"processor : 0\nflags\t: fpu {flags}\nbugs : none\n")
    monkeypatch.setattr(precision, "CPU_FACTS", tmp_path / "cpuinfo")
    on_tensorflow = keras.backend.backend() == "tensorflow"
    assert precision.computes_in_bfloat16() == (expected and on_tensorflow)
    monkeypatch.setattr(precision, "CPU_FACTS", tmp_path / "absent")  # macOS, Windows
    assert not precision.computes_in_bfloat16()


@pytest.fixture
def measured(tmp_path, monkeypatch, processor, detector):
    """The file of a preset that has been measured to gain by bfloat16."""
    detector.save(tmp_path / "tiny.keras")
    preset = dataclasses.replace(
        presets.list_presets()[0],
        name="tiny",
        sha256=presets.sha256_of(tmp_path / "tiny.keras"),
        bfloat16_map_loss=0.0,
        bfloat16_time=0.5,
    )
    monkeypatch.setattr(presets, "_PRESETS", (preset,))
    monkeypatch.setattr(presets, "_PACKAGED", tmp_path)
    processor(True)
    return tmp_path / "tiny.keras"


def test_a_measured_preset_takes_bfloat16_by_name_and_by_file(measured):
    for model in ("tiny", measured):
        assert dtypes(keras_ssd.load_detector(model))["Conv2D"] == "mixed_bfloat16"
        loaded = keras_ssd.load_detector(model, precision="float32")
        assert dtypes(loaded)["Conv2D"] == "float32"


def test_another_file_takes_float32_unless_told(measured, tmp_path):
    build_detector(SSDTiny128(1), ("cow",)).save(tmp_path / "mine.keras")
    assert dtypes(keras_ssd.load_detector(tmp_path / "mine.keras"))["Conv2D"] == "float32"
    told = keras_ssd.load_detector(tmp_path / "mine.keras", precision="bfloat16")
    assert dtypes(told)["Conv2D"] == "mixed_bfloat16"


def test_an_unknown_precision_is_named():
    with pytest.raises(ValueError, match="auto, float32, bfloat16, not 'float16'"):
        keras_ssd.load_detector("ssd_mobilenet_320_voc", precision="float16")


@pytest.mark.parametrize("name", ["a.tflite", "a.onnx", "folder"])
def test_exports_have_their_own(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=f"{name} was exported with its own"):
        keras_ssd.load_detector(tmp_path / name, precision="bfloat16")
