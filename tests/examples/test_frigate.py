"""Frigate's reading of the packaged int8 file, and its configuration.

The reading is that of `tflite_detect_raw` in frigate/detectors/detector_utils.py (commit 16e4036 of
blakeblackshear/frigate), which the CPU detector uses, and of the Edge TPU detector for SSDs.
"""

from pathlib import Path

import numpy as np
import pytest
import yaml
from ai_edge_litert.interpreter import Interpreter

import keras_ssd
from keras_ssd.images import read_image, resize_image
from keras_ssd.presets import find_preset, packaged_file

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "frigate"


@pytest.fixture(scope="module")
def model():
    return packaged_file(find_preset("ssd_mobilenet_320_voc_int8"))


@pytest.fixture(scope="module")
def photo():
    return resize_image(read_image(ROOT / "examples" / "photos" / "astronaut.jpg"), 320)


@pytest.fixture(scope="module")
def config():
    return yaml.safe_load((FOLDER / "config.yml").read_text())


def read_as_frigate(model, image):
    """Rows of class, score, top, left, bottom, right: at most 20, up to the first below 0.4."""
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(one["index"])[0] for one in interpreter.get_output_details()]
    boxes, classes, scores, count = outputs
    rows = np.zeros((20, 6), np.float32)
    for row in range(min(int(count), 20)):
        if scores[row] < 0.4:
            break
        rows[row] = [classes[row], scores[row], *boxes[row]]
    return rows


def test_frigate_reads_the_objects_of_a_photo(model, photo, config):
    size = (config["model"]["height"], config["model"]["width"])
    assert (1, *size, 3) == photo[None].shape  # nhwc
    rows = read_as_frigate(model, photo[None])
    (found,) = keras_ssd.load_detector(model).detect(photo, confidence_threshold=0.4)
    assert [*found.names] == ["person", "bottle"]
    labelmap = (FOLDER / "labelmap.txt").read_text().splitlines()
    assert [labelmap[int(row[0])] for row in rows[:2]] == ["person", "bottle"]
    np.testing.assert_allclose(rows[:2, 1], found.scores, atol=1e-5)
    np.testing.assert_allclose(rows[:2, [3, 2, 5, 4]] * 320, found.boxes, atol=0.01)
    assert not rows[2:].any()


def test_scores_descend_so_that_frigate_stops_at_the_right_one(model, photo):
    interpreter = Interpreter(str(model))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], photo[None])
    interpreter.invoke()
    scores = interpreter.get_tensor(interpreter.get_output_details()[2]["index"])[0]
    assert (scores > 0).sum() > 20
    assert (np.diff(scores) <= 0).all()


def test_the_configuration_names_classes_of_the_file(model, config):
    names = list(keras_ssd.load_detector(model).class_names)
    assert (FOLDER / "labelmap.txt").read_text().splitlines() == names
    assert set(config["objects"]["track"]) <= set(names)
    for key, name in (("path", "detector.tflite"), ("labelmap_path", "labelmap.txt")):
        assert config["model"][key] == f"/config/{name}"


def test_the_labelmap_does_not_start_with_a_number():
    # If its first word is a number, Frigate takes the first word of every line as the class.
    first = (FOLDER / "labelmap.txt").read_text().split()[0]
    assert not first.isdigit()
