"""The decoding that ends a LiteRT file with `nms`, against the layer."""

import numpy as np
import pytest
import tensorflow as tf

from keras_ssd.config import SSD_TINY_128
from keras_ssd.formats.litert.decoding import decoding_model
from keras_ssd.inference.decoding import DecodingSettings
from keras_ssd.models.layers import DecodeDetections


def count_found(offsets, logits, boxes, **thresholds):
    """The numbers of detections of the file and of the layer."""
    layer = DecodeDetections(SSD_TINY_128.variances, **thresholds)
    settings = DecodingSettings(
        0.01, thresholds["iou_threshold"], 200, config=SSD_TINY_128, top_k=400
    )
    interpreter = tf.lite.Interpreter(model_content=decoding_model(boxes, 2, settings))
    found = interpreter.get_signature_runner()(offsets=offsets, classes=logits)
    expected = layer(offsets, logits, boxes)
    return int(found["num_detections"][0]), int(expected["num_detections"][0])


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.parametrize(("iou_threshold", "count"), [(0.5, 2), (0.4999999, 1), (0.0, 1), (1.0, 2)])
def test_an_overlap_equal_to_the_threshold_does_not_suppress(iou_threshold, count):
    boxes = np.float32([[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.25]])
    offsets = np.zeros((1, 2, 4), np.float32)
    logits = np.float32([[[0, 2, -9], [0, 1, -9]]])
    assert count_found(offsets, logits, boxes, iou_threshold=iou_threshold) == (count, count)


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
def test_at_threshold_zero_boxes_apart_all_stay():
    boxes = np.float32([[0.2, 0.2, 0.2, 0.2], [0.8, 0.8, 0.2, 0.2]])
    offsets = np.zeros((1, 2, 4), np.float32)
    logits = np.float32([[[0, 2, -9], [0, 1, -9]]])
    assert count_found(offsets, logits, boxes, iou_threshold=0.0) == (2, 2)
