"""The thresholds of NMS of any kind of detector."""

import numpy as np
import pytest

import keras_ssd
from keras_ssd.geometry import iou
from keras_ssd.runtime import change_thresholds
from keras_ssd.serving import Client


@pytest.fixture(scope="module")
def detector(micro_ssd):
    return keras_ssd.Detector(micro_ssd(), ["cat", "dog", "car"], max_detections=20)


@pytest.fixture(scope="module")
def files(detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("thresholds")
    raw = detector.export(folder / "raw.tflite", check=False)
    decoded = detector.export(folder / "decoded.tflite", nms=True, check=False)
    return raw, decoded


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)


def test_a_keras_detector_and_a_file_of_raw_outputs_change_alike(detector, files, image):
    exported = keras_ssd.load_detector(files[0])
    found = []
    for one in (detector, exported):
        change_thresholds(one)
        assert one.predict_on_batch(image)["scores"].shape == (1, 20)
        change_thresholds(one, iou_threshold=0.1, max_detections=7)
        found.append(one.predict_on_batch(image))
    assert found[0]["scores"].shape == (1, 7)
    for name, values in found[0].items():
        np.testing.assert_allclose(found[1][name], values, atol=1e-4)
    boxes = found[1]["boxes"][0][: found[1]["num_detections"][0]]
    labels = found[1]["labels"][0][: len(boxes)]
    overlaps = iou(boxes, boxes) * (labels[:, None] == labels)
    assert (overlaps[~np.eye(len(boxes), dtype=bool)] <= 0.1).all()


def test_a_file_or_a_server_that_does_nms_itself_is_refused(files):
    exported = keras_ssd.load_detector(files[1])
    change_thresholds(exported)
    with pytest.raises(ValueError, match=r"^iou_threshold: .*decoded\.tflite gives detections"):
        change_thresholds(exported, iou_threshold=0.3)
    client = Client("http://localhost:1/v1/models/ssd")
    with pytest.raises(ValueError, match=r"^max_detections: a server detects with its own"):
        change_thresholds(client, max_detections=3)


def test_a_value_out_of_range_is_refused(detector, files):
    for one in (detector, keras_ssd.load_detector(files[0])):
        with pytest.raises(ValueError, match="iou_threshold: expected "):
            change_thresholds(one, iou_threshold=1.5)
        with pytest.raises(ValueError, match="max_detections: expected "):
            change_thresholds(one, max_detections=0)
