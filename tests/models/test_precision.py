import dataclasses
import logging

import keras
import numpy as np
import pytest

import keras_ssd
from keras_ssd.config import SSD_TINY_128
from keras_ssd.detector import Detector
from keras_ssd.models import SSD, SSDTiny128, backbones, precision
from keras_ssd.models.precision import auto_dtype, dtype_of
from keras_ssd.presets import presets

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)


def dtypes(detector):
    """The policy of each layer of the SSD within, by the layer's kind."""
    layers = detector.ssd.layers[1:]  # without the input, which is always float32
    return {type(layer).__name__: layer.dtype_policy.name for layer in layers}


@pytest.fixture
def detector():
    keras.utils.set_random_seed(1)
    return Detector(SSDTiny128(2), ("cat", "dog"), iou_threshold=0.3, max_detections=7)


def test_bfloat16_computes_in_it_but_for_weights_pixels_and_decoding(detector):
    before = detector.predict(IMAGES, verbose=0)
    copy = detector.with_dtype("mixed_bfloat16")
    kinds = dtypes(copy)
    assert kinds["Rescaling"] == "float32"
    assert kinds["Conv2D"] == "mixed_bfloat16"
    for ours, theirs in zip(copy.get_weights(), detector.get_weights(), strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, theirs)
    assert copy.input.dtype == "uint8"
    assert copy.ssd.input.dtype == "float32"
    assert copy.decode.get_config() == detector.decode.get_config()
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
    detector = Detector(SSD.from_backbone(backbone, SSD_TINY_128, 1), ("cat",))
    copy = detector.with_dtype("mixed_bfloat16")
    (inside,) = copy.ssd.get_layer(inner.name).layers
    assert inside.compute_dtype == "bfloat16"
    assert copy.with_dtype("mixed_bfloat16") is copy
    # Without non-maximum suppression, which the least difference can make keep other boxes.
    outputs = [model.ssd.predict(IMAGES, verbose=0) for model in (detector, copy)]
    for name in outputs[0]:
        np.testing.assert_allclose(*(output[name] for output in outputs), atol=0.005)


@pytest.fixture
def mixed_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def test_mixed_precision_becomes_float32_and_keeps_its_weights(mixed_bfloat16):
    detector = Detector(SSDTiny128(2), ("cat", "dog"))
    copy = detector.with_dtype("float32")
    assert set(dtypes(copy).values()) == {"float32"}
    for ours, theirs in zip(copy.get_weights(), detector.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_detector_of_that_precision_is_left_as_it_is(detector):
    assert detector.with_dtype("float32") is detector
    copy = detector.with_dtype("mixed_bfloat16")
    assert copy.with_dtype("mixed_bfloat16") is copy


@pytest.fixture
def processor(monkeypatch):
    """Sets whether the processor computes in bfloat16; each choice may be logged again."""
    precision._log_once.cache_clear()
    return lambda can: monkeypatch.setattr(precision, "cpu_has_fast_bfloat16", lambda: can)


@pytest.mark.parametrize(
    ("can", "map_loss", "time", "expected", "reason"),
    [
        (
            True,
            0.003,
            0.5,
            "mixed_bfloat16",
            "0.50 of the time of float32 and changes mAP by -0.003",
        ),
        (True, 0.004, 0.5, "float32", "costs 0.004 mAP"),
        (True, 0.001, 1.15, "float32", "takes 1.15 times as long"),
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
            assert auto_dtype("some model", map_loss, time) == expected
    (record,) = caplog.records
    assert record.message.startswith(f"some model computes in {expected}")
    assert reason in record.message


@pytest.fixture
def cpu(monkeypatch, tmp_path):
    """Writes what Linux says of the processor; each warning may be logged again."""

    def cpu(facts):
        precision._log_once.cache_clear()
        (tmp_path / "cpuinfo").write_text(facts)
        monkeypatch.setattr(precision, "CPU_FACTS", tmp_path / "cpuinfo")

    return cpu


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("sse amx_bf16 x", True), ("avx512_bf16", True), ("avx512f avx512_vnni", False)],
)
def test_the_processor_is_asked(cpu, monkeypatch, tmp_path, flags, expected):
    cpu(f"processor : 0\nflags\t: fpu {flags}\nbugs : none\n")
    on_tensorflow = keras.backend.backend() == "tensorflow"
    assert precision.cpu_has_fast_bfloat16() == (expected and on_tensorflow)
    monkeypatch.setattr(precision, "CPU_FACTS", tmp_path / "absent")  # macOS, Windows
    assert not precision.cpu_has_fast_bfloat16()


@pytest.mark.parametrize(
    ("facts", "dtype", "warns"),
    [
        ("flags : fpu sse2 avx2", "mixed_bfloat16", True),
        ("flags : fpu sse2 avx2", "float32", False),
        ("flags : fpu sse2 avx512_bf16", "mixed_bfloat16", False),
        ("Features : fp asimd bf16", "mixed_bfloat16", False),  # Arm
    ],
)
def test_a_warning_says_where_bfloat16_is_slow(
    cpu, caplog, detector, tmp_path, facts, dtype, warns
):
    cpu(facts)
    detector.save(tmp_path / "tiny.keras")
    for _ in range(2):
        keras_ssd.load_detector(tmp_path / "tiny.keras", dtype=dtype)
    on_tensorflow = keras.backend.backend() == "tensorflow"
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == (warns and on_tensorflow)
    assert all("slower than float32" in message for message in warnings)


@pytest.fixture
def measured(tmp_path, monkeypatch, processor, detector):
    """The file of a preset that was measured to gain by bfloat16."""
    detector.save(tmp_path / "tiny.keras")
    preset = dataclasses.replace(
        presets.list_presets()[0], name="tiny", bfloat16_map_loss=0.0, bfloat16_time=0.5
    )
    monkeypatch.setattr(presets, "_PRESETS", (preset,))
    monkeypatch.setattr(presets, "_PACKAGED", tmp_path)
    processor(True)
    return tmp_path / "tiny.keras"


def test_a_preset_computes_in_bfloat16_only_if_asked(measured):
    assert dtype_of(keras_ssd.load_detector("tiny").ssd) == "float32"
    assert dtype_of(keras_ssd.load_detector("tiny", dtype="auto").ssd) == "mixed_bfloat16"
    assert dtype_of(Detector.from_preset("tiny", dtype="auto").ssd) == "mixed_bfloat16"


def test_keras_s_policy_decides_where_no_dtype_is_given(measured, mixed_bfloat16):
    for model in ("tiny", measured):
        assert dtype_of(keras_ssd.load_detector(model).ssd) == "mixed_bfloat16"
        assert dtype_of(keras_ssd.load_detector(model, dtype="float32").ssd) == "float32"


def test_a_gpu_is_asked_for_before_the_processor(measured, monkeypatch):
    monkeypatch.setattr(precision, "_computes_on_gpu", lambda: True)
    assert dtype_of(keras_ssd.load_detector("tiny", dtype="auto").ssd) == "float32"


def test_a_file_of_one_s_own_was_not_measured(measured, tmp_path):
    Detector(SSDTiny128(1), ("cow",)).save(tmp_path / "mine.keras")
    auto = keras_ssd.load_detector(tmp_path / "mine.keras", dtype="auto")
    assert dtype_of(auto.ssd) == "float32"
    told = keras_ssd.load_detector(tmp_path / "mine.keras", dtype="mixed_bfloat16")
    assert dtype_of(told.ssd) == "mixed_bfloat16"


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int8"])
def test_a_dtype_that_would_change_the_weights_is_refused(detector, dtype):
    with pytest.raises(ValueError, match=f"mixed_bfloat16 or mixed_float16, not '{dtype}'"):
        detector.with_dtype(dtype)


@pytest.mark.parametrize("name", ["a.tflite", "a.onnx"])
def test_an_export_keeps_the_dtype_that_it_was_exported_with(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=rf"dtype: .*{name} is an? .*, which does not take it"):
        keras_ssd.load_detector(tmp_path / name, dtype="mixed_bfloat16")
