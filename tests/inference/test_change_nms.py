"""`change_nms` of each kind of detector."""

import numpy as np
import pytest

import keras_ssd
from keras_ssd.formats.litert.write import export_litert


@pytest.fixture(scope="module")
def tiny():
    return keras_ssd.Detector(keras_ssd.SSDTiny128(2), ["cat", "dog"], confidence_threshold=0.0)


def test_a_keras_detector_takes_both_settings(tiny):
    tiny.change_nms(iou_threshold=0.3, max_detections=7)
    assert (tiny.iou_threshold, tiny.max_detections) == (0.3, 7)
    tiny.change_nms()
    assert (tiny.iou_threshold, tiny.max_detections) == (0.3, 7)


def test_a_file_with_raw_outputs_takes_both_settings(tiny, tmp_path):
    detector = keras_ssd.load_detector(export_litert(tiny, tmp_path / "raw.tflite"))
    image = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    detector.change_nms(max_detections=3)
    assert detector.predict_on_batch(image)["scores"].shape == (1, 3)
    detector.change_nms(iou_threshold=1.0, max_detections=1000)
    kept = detector.predict_on_batch(image)["num_detections"]
    detector.change_nms(iou_threshold=0.0)
    assert detector.predict_on_batch(image)["num_detections"] < kept
    with pytest.raises(ValueError, match="iou_threshold: expected 0 to 1"):
        detector.change_nms(iou_threshold=2)


@pytest.mark.parametrize("option", ["iou_threshold", "max_detections"])
def test_a_file_with_nms_refuses(option):
    detector = keras_ssd.load_detector("ssd_mobilenet_320_voc_int8")
    detector.change_nms()
    with pytest.raises(ValueError, match=f"{option}: cannot be changed, because NMS is part of"):
        detector.change_nms(**{option: 1})
