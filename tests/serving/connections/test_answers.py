"""Answers of a server that are not detections: each is refused before it is used."""

import json

import numpy as np
import pytest

from keras_ssd.serving import Client

IMAGES = np.zeros((2, 30, 40, 3), np.uint8)


@pytest.fixture
def client(scripted):
    with Client(scripted.address, retries=0) as client:
        yield client


def assert_refused(client, scripted, reason):
    with pytest.raises(ValueError, match="not the answer of a detector") as raised:
        client.predict_on_batch(IMAGES)
    message = str(raised.value)
    assert message.startswith(f"{scripted.address}: ")
    assert reason in message
    assert "expected a SavedModel that keras-ssd exported" in message
    assert len(message) < 600


def test_a_good_answer_is_taken(client):
    found = client.predict_on_batch(IMAGES)
    assert {name: (values.dtype, values.tolist()) for name, values in found.items()} == {
        "boxes": (np.float32, [[[0.0, 0.25, 0.5, 1.0], [0.0, 0.0, 0.0, 0.0]]] * 2),
        "labels": (np.int32, [[1, -1]] * 2),
        "scores": (np.float32, [[np.float32(0.9), 0.0]] * 2),
        "num_detections": (np.int32, [1, 1]),
    }
    assert client.class_names == ("cat", "dog")
    assert client.image_size == 16


@pytest.mark.parametrize("name", ["boxes", "labels", "scores", "num_detections", "class_names"])
def test_a_missing_output_is_named(client, scripted, name):
    del scripted.row[name]
    assert_refused(client, scripted, f"{name} is missing")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("num_detections", None, "num_detections: expected whole numbers"),
        ("num_detections", "1", "num_detections: expected whole numbers"),
        ("num_detections", True, "num_detections: expected whole numbers"),
        ("num_detections", 1.5, "num_detections: expected whole numbers"),
        ("num_detections", [1], "num_detections: expected whole numbers of shape (2)"),
        ("num_detections", 3, "num_detections: expected -1 to 2"),
        ("num_detections", -2, "num_detections: expected -1 to 2"),
        ("num_detections", 10**30, "num_detections: expected whole numbers"),
        ("num_detections", 2, "labels: expected a class in num_detections rows"),
        ("num_detections", 0, "labels: expected a class in num_detections rows"),
        ("labels", [2, -1], "labels: expected -1 to 1"),
        ("labels", [-2, -1], "labels: expected -1 to 1"),
        ("labels", [1.5, -1], "labels: expected whole numbers"),
        ("labels", ["dog", ""], "labels: expected whole numbers"),
        ("labels", [], "labels: expected whole numbers"),
        ("labels", 1, "labels: expected whole numbers"),
        ("labels", [1, -1, -1], "scores: expected numbers of shape (2, 3)"),
        ("scores", [0.9], "scores: expected numbers of shape (2, 2)"),
        ("scores", [0.9, None], "scores: expected numbers"),
        ("scores", [0.9, "0"], "scores: expected numbers"),
        ("scores", [0.9, [0]], "scores: expected numbers"),
        ("scores", [1.5, 0.0], "scores: expected 0 to 1"),
        ("scores", [float("nan"), 0.0], "scores: expected 0 to 1"),
        ("scores", [float("inf"), 0.0], "scores: expected 0 to 1"),
        ("boxes", [[0, 0, 1, 1]], "boxes: expected numbers of shape (2, 2, 4)"),
        ("boxes", [[0, 0, 1]] * 2, "boxes: expected numbers of shape (2, 2, 4)"),
        ("boxes", [[0, 0, 1, 1], [0]], "boxes: expected numbers of shape (2, 2, 4)"),
        ("boxes", [[0, 0, 300, 300]] * 2, "boxes: expected 0 to 1"),
        ("boxes", [[0, 0, float("nan"), 1]] * 2, "boxes: expected 0 to 1"),
        ("class_names", None, "class_names: expected 2 lists of names"),
        ("class_names", "cat", "class_names: expected 2 lists of names"),
        ("class_names", [], "class_names: expected at least one name"),
        ("class_names", [1, 2], "class_names: expected names of one line"),
        ("class_names", ["cat", "cat"], "class_names: 'cat' comes twice"),
    ],
)
def test_an_output_that_no_detector_has_is_refused(client, scripted, name, value, reason):
    scripted.row[name] = value
    assert_refused(client, scripted, reason)


def test_a_model_that_was_replaced_by_one_of_other_classes_is_told(client, scripted):
    assert client.class_names == ("cat", "dog")
    scripted.row["class_names"] = ["dog", "cat"]
    with pytest.raises(ValueError, match="replaced by one with other class names; make a new"):
        client.predict_on_batch(IMAGES)


def test_images_with_different_numbers_of_rows_are_refused(client, scripted):
    assert client.image_size == 16
    short = {**scripted.row, "scores": [0.9]}
    scripted.script = [(200, (), {"predictions": [scripted.row, short]})]
    assert_refused(client, scripted, "scores: expected numbers of shape (2, 2)")


def test_a_missing_output_of_one_image_is_named(client, scripted):
    assert client.image_size == 16
    short = {name: value for name, value in scripted.row.items() if name != "scores"}
    scripted.script = [(200, (), {"predictions": [scripted.row, short]})]
    assert_refused(client, scripted, "scores is missing")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>\n<title>Log in</title></html>", "not JSON: <html> <title>Log in</title></html>"),
        (b"", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not the answer"),
        (b'{"predictions": [' + b"9" * 5000 + b"]}", "not JSON"),
        (b"x" * 100_000, "not JSON: xxx"),
        (None, "no list of predictions in None"),
        ([], "no list of predictions in []"),
        ("text", "no list of predictions in text"),
        ({"error": "model not loaded"}, "no list of predictions in {'error': 'model not loaded'}"),
        ({"outputs": {"boxes": []}}, "no list of predictions"),
        ({"predictions": None}, "no list of predictions"),
        ({"predictions": []}, "0 predictions where 2 were asked for"),
        ({"predictions": [{}]}, "1 predictions where 2 were asked for"),
        ({"predictions": [{}, {}]}, "class_names is missing"),
        ({"predictions": [[0.1, 0.9], [0.2, 0.8]]}, "expected predictions with names"),
        ({"predictions": [{"probabilities": [0.5]}] * 2}, "class_names is missing"),
    ],
)
def test_an_answer_of_another_form_is_refused(client, scripted, content, reason):
    assert client.image_size == 16
    scripted.script = [(200, (), content)]
    assert_refused(client, scripted, reason)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("class_names", ["cat", "cat"]),
        ("class_names", "cat"),
        ("image_size", "16"),
        ("image_size", 0),
        ("image_size", None),
        ("image_size", [16]),
        ("confidence_threshold", float("nan")),
        ("iou_threshold", 2),
        ("max_detections", 1.5),
    ],
)
def test_a_description_that_no_detector_has_is_refused(client, scripted, name, value):
    scripted.description[name] = value
    assert_refused(client, scripted, name)
    with pytest.raises(ValueError, match="not the answer of a detector"):
        _ = client.image_size


def test_a_description_that_lacks_a_value_is_refused(client, scripted):
    del scripted.description["image_size"]
    assert_refused(client, scripted, "image_size is missing")


def test_a_refused_description_is_asked_for_again(client, scripted):
    scripted.script = [(200, (), {"predictions": []})]
    with pytest.raises(ValueError, match="0 predictions where 1 were asked for"):
        _ = client.class_names
    assert client.class_names == ("cat", "dog")


def test_an_image_that_the_server_cannot_decode_is_named(client, scripted):
    assert client.image_size == 16
    bad = {**scripted.row, "num_detections": -1, "labels": [-1, -1]}
    scripted.script = [(200, (), {"predictions": [scripted.row, bad]})]
    with pytest.raises(ValueError, match=r"images\[1\]: the server cannot decode .*40 x 30 pixels"):
        client.predict_on_batch(IMAGES)


def test_the_fault_of_a_server_is_not_told_as_that_of_a_source(client, scripted):
    del scripted.row["boxes"]
    errors = []
    with pytest.raises(ValueError, match="boxes is missing"):
        list(client.detect(list(IMAGES), on_error=errors.append))
    scripted.description["image_size"] = 0
    with Client(scripted.address) as other, pytest.raises(ValueError, match="image_size"):
        list(other.detect(list(IMAGES), on_error=errors.append))
    assert errors == []


def test_what_a_client_sends_is_what_the_interface_describes(client, scripted):
    """See https://www.tensorflow.org/tfx/serving/api_rest."""
    bodies = []

    def note(handler):
        bodies.append(handler.headers["Content-Type"])
        handler.write(*_answer(scripted))

    scripted.script = [note]
    assert client.image_size == 16
    assert bodies == ["application/json"]
    assert [path for path, _, _ in scripted.requests] == ["/v1/models/m:predict"]


def _answer(scripted):
    return 200, {"predictions": [json.loads(json.dumps(scripted.description))]}
