"""The NumPy decoder against the layer, and the settings that files hold."""

import json

import numpy as np
import pytest

from keras_ssd.config import SSD_TINY_128
from keras_ssd.default_boxes import default_boxes
from keras_ssd.inference.decoding import Decoder, DecodingSettings, decode_detections
from keras_ssd.models.layers import DecodeDetections

BOXES = default_boxes(SSD_TINY_128)


def outputs(seed, background):
    """Offsets and logits of one image; the more background, the fewer detections."""
    rng = np.random.default_rng(seed)
    offsets = rng.normal(size=(len(BOXES), 4)).astype(np.float32)
    logits = rng.normal(scale=3, size=(len(BOXES), 4)).astype(np.float32)
    logits[:, 0] += background
    return offsets, logits


def both(offsets, logits, **thresholds):
    layer = DecodeDetections(SSD_TINY_128.variances, **thresholds)
    expected = layer(offsets[None], logits[None], BOXES)
    names = ("confidence_threshold", "iou_threshold", "max_detections", "top_k")
    settings = DecodingSettings(
        config=SSD_TINY_128, **{name: getattr(layer, name) for name in names}
    )
    found = decode_detections(offsets, logits, BOXES, settings)
    return found, {name: np.asarray(value)[0] for name, value in expected.items()}


@pytest.mark.parametrize(
    "thresholds",
    [
        {},
        {"max_detections": 7},
        {"max_detections": 5000},
        {"top_k": 5},
        {"iou_threshold": 0.1, "confidence_threshold": 0.5},
    ],
)
@pytest.mark.parametrize("background", [0.0, 8.0, 30.0])
def test_it_finds_what_the_layer_finds(background, thresholds):
    found, expected = both(*outputs(0, background), **thresholds)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        np.testing.assert_allclose(found[name], value, atol=1e-5)


def test_nothing_found_is_only_padding():
    found, _ = both(*outputs(0, background=1000.0), max_detections=3)
    assert found["num_detections"] == 0
    assert found["boxes"].tolist() == [[0.0] * 4] * 3
    assert found["labels"].tolist() == [-1] * 3
    assert found["scores"].tolist() == [0.0] * 3


def test_huge_logits_and_offsets_do_not_overflow():
    offsets, logits = outputs(0, 0.0)
    with np.errstate(all="raise", under="ignore"):
        found, _ = both(offsets * 1e4, logits * 1e4)
    assert np.isfinite(found["boxes"]).all()
    assert np.isfinite(found["scores"]).all()


SETTINGS = DecodingSettings(0.01, 0.45, 200, config=SSD_TINY_128, top_k=400)


def test_settings_are_read_as_they_were_written():
    assert DecodingSettings.from_json(SETTINGS.to_json()) == SETTINGS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("confidence_threshold", value) for value in (-0.1, 1.1, float("nan"), "0.5", None)),
        *(("iou_threshold", value) for value in (-1, 2, float("inf"), [], True)),
        *(("max_detections", value) for value in (0, -1, 10**6, 10**30, 1.5, None, True)),
        *(("top_k", value) for value in (0, 10**6, "400")),
    ],
)
def test_a_setting_out_of_range_is_named(name, value):
    text = json.dumps({**json.loads(SETTINGS.to_json()), name: value})
    with pytest.raises(ValueError, match=f"^{name}: expected "):
        DecodingSettings.from_json(text)


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"top_k": 400}'])
def test_text_without_the_settings_is_refused(text):
    with pytest.raises(ValueError, match=r"decoding: expected the settings|Expecting value"):
        DecodingSettings.from_json(text)


FITTING = {
    "num_classes": 3,
    "image_size": 128,
    "offsets_shape": (1360, 4),
    "classes_shape": (1360, 4),
}


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("num_classes", 2, "classes"),
        ("image_size", 64, "image size"),
        ("offsets_shape", (1361, 4), "offsets"),
        ("offsets_shape", (1360, 5), "offsets"),
        ("classes_shape", (1360, 5), "classes"),
        ("classes_shape", (5, 4), "classes"),
        ("classes_shape", (None, "N"), "classes"),
    ],
)
def test_a_network_that_its_settings_do_not_fit_is_refused(name, value, named):
    Decoder(SETTINGS, **FITTING)
    with pytest.raises(ValueError, match=f"^{named}: the network has "):
        Decoder(SETTINGS, **{**FITTING, name: value})


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_raw_outputs_that_are_no_numbers_are_refused(value):
    offsets, logits = outputs(0, 0.0)
    decoder = Decoder(SETTINGS, **FITTING)
    decoder(offsets[None], logits[None])
    offsets[7, 2] = value
    with pytest.raises(ValueError, match="raw outputs: expected finite numbers"):
        decoder(offsets[None], logits[None])
