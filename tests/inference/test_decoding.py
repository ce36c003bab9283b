"""The NumPy decoder against the layer."""

import numpy as np
import pytest

from keras_ssd.config import SSD_TINY_128
from keras_ssd.default_boxes import default_boxes
from keras_ssd.inference.decoding import decode_detections
from keras_ssd.models.layers import DecodeDetections

BOXES = default_boxes(SSD_TINY_128)
NAMES = ("a", "b", "c")


def outputs(seed, background):
    """Offsets and logits of one image; the more background, the fewer detections."""
    rng = np.random.default_rng(seed)
    offsets = rng.normal(size=(len(BOXES), 4)).astype(np.float32)
    logits = rng.normal(scale=3, size=(len(BOXES), 4)).astype(np.float32)
    logits[:, 0] += background
    return offsets, logits


def both(offsets, logits, **thresholds):
    layer = DecodeDetections(NAMES, SSD_TINY_128.variances, **thresholds)
    expected = layer(offsets[None], logits[None], BOXES)
    found = decode_detections(
        offsets,
        logits,
        BOXES,
        variances=layer.variances,
        confidence_threshold=layer.confidence_threshold,
        iou_threshold=layer.iou_threshold,
        max_detections=layer.max_detections,
        top_k=layer.top_k,
    )
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


def test_nothing_found_is_padding_alone():
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
