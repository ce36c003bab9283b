"""Every kind of detector answers the same questions, with the same answers."""

import importlib.util
import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_ssd
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.serving import Client
from keras_ssd.tracking import Tracker

NAMES = ("cat", "dög", "犬")
OUTPUTS = ("boxes", "labels", "scores", "num_detections")
ROUNDING = 1e-4  # float32, computed in another order
WARPING = 0.01  # OpenCV warps to whole numbers and the others do not

# By name: what is exported, with which options, and the libraries that it takes.
FILES = {
    "LiteRT": ("d.tflite", {}, ()),
    "LiteRT with NMS": ("n.tflite", {"nms": True}, ()),
    "ONNX": ("d.onnx", {}, ("tf2onnx", "onnxruntime")),
    "ONNX without NMS": ("r.onnx", {"nms": False}, ("tf2onnx", "onnxruntime")),
    "OpenVINO": ("d.xml", {}, ("openvino",)),
    "SavedModel": ("tiny", {}, ()),
}
CLIENTS = {"REST client": ("rest_address", ()), "gRPC client": ("grpc_address", ("grpc",))}


@pytest.fixture(scope="module")
def keras_detector():
    keras.utils.set_random_seed(0)
    return keras_ssd.Detector(keras_ssd.SSDTiny128(3), NAMES, max_detections=9)


@pytest.fixture(scope="module")
def exported(keras_detector, tmp_path_factory):
    """A function that exports the detector once for each path."""
    folder, paths = tmp_path_factory.mktemp("protocol"), {}

    def export(name, **options):
        if name not in paths:
            paths[name] = keras_detector.export(folder / name, check=False, **options)
        return paths[name]

    return export


@pytest.fixture(scope="module")
def server(exported):
    """The small server of the client's tests, with the SavedModel on it."""
    import tensorflow as tf

    pytest.importorskip("tensorflow_serving", reason='needs pip install "keras-ssd[serving]"')
    path = Path(__file__).parents[1] / "serving" / "conftest.py"
    spec = importlib.util.spec_from_file_location("serving_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = tf.saved_model.load(str(exported("tiny")))
    server = module.Server(model.signatures)
    yield server
    server.close()


@pytest.fixture(scope="module", params=["Keras", *FILES, *CLIENTS])
def any_detector(request, keras_detector, exported):
    if request.param in FILES:
        name, options, libraries = FILES[request.param]
        for library in libraries:
            pytest.importorskip(library)
        yield keras_ssd.load_detector(exported(name, **options))
    elif request.param in CLIENTS:
        address, libraries = CLIENTS[request.param]
        for library in libraries:
            pytest.importorskip(library)
        with Client(getattr(request.getfixturevalue("server"), address)) as client:
            yield client
    else:
        yield keras_detector


@pytest.fixture(scope="module")
def images():
    """Images at the network's size, so that nothing is warped."""
    return np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), np.uint8)


def assert_same(found, expected, tolerance=ROUNDING):
    assert set(found) == set(OUTPUTS)
    for name in OUTPUTS:
        assert found[name].dtype == expected[name].dtype, name
        assert found[name].shape == expected[name].shape, name
        np.testing.assert_allclose(found[name], expected[name], atol=tolerance, err_msg=name)


def test_it_is_an_object_detector_and_knows_its_classes_and_its_size(any_detector):
    assert isinstance(any_detector, ObjectDetector)
    assert any_detector.class_names == NAMES
    assert any_detector.image_size == 128


def test_it_knows_its_thresholds(any_detector):
    assert any_detector.confidence_threshold == 0.01
    assert any_detector.iou_threshold == 0.45
    assert any_detector.max_detections == 9


@pytest.mark.parametrize("name", ["confidence_threshold", "iou_threshold", "max_detections"])
def test_a_threshold_changes_or_is_told_to_be_fixed(request, any_detector, images, name):
    before, new = getattr(any_detector, name), 1 if name == "max_detections" else 0.5
    kind = request.node.callspec.params["any_detector"]
    if kind in ("Keras", "LiteRT", "ONNX without NMS"):
        with pytest.raises(ValueError, match=f"{name}: expected .*, not 1.5"):
            setattr(any_detector, name, 1.5)
        try:
            setattr(any_detector, name, new)
            found = any_detector.predict_on_batch(images)
        finally:
            setattr(any_detector, name, before)
        assert found["scores"].shape[1] == (1 if name == "max_detections" else 9)
        assert name != "confidence_threshold" or (found["num_detections"] == 0).all()
    else:
        with pytest.raises(AttributeError, match=f"{name}: it is fixed in .*; export .* again"):
            setattr(any_detector, name, new)
    assert getattr(any_detector, name) == before


def test_its_repr_is_one_line_that_says_what_it_is(request, any_detector):
    kind = request.node.callspec.params["any_detector"]
    assert any_detector.image_size == 128  # a client has asked its server
    shown = repr(any_detector)
    assert "\n" not in shown
    if kind == "Keras":
        return
    source = FILES[kind][0] if kind in FILES else "tiny"
    assert re.fullmatch(
        rf"\w+\('\S*{source}\S*', 3 classes, image_size 128, confidence_threshold 0\.01, "
        r"iou_threshold 0\.45, max_detections 9\)",
        shown,
    )


@pytest.mark.parametrize("method", ["predict", "predict_on_batch", "detect"])
def test_its_methods_take_the_images_first_and_refuse_unknown_options(any_detector, images, method):
    with pytest.raises(TypeError, match="no_such_option"):
        getattr(any_detector, method)(images, no_such_option=1)


def test_predict_on_batch(any_detector, keras_detector, images):
    expected = keras_detector(images)
    expected = {name: np.asarray(value) for name, value in expected.items()}
    assert expected["num_detections"].tolist() == [9] * 4
    assert_same(any_detector.predict_on_batch(images), expected)


def test_predict_goes_through_an_array_in_batches(any_detector, images):
    assert_same(any_detector.predict(images, batch_size=3), any_detector.predict_on_batch(images))


def test_images_of_another_size_are_warped(any_detector, keras_detector):
    noise = np.random.default_rng(1).integers(0, 256, (2, 30, 40, 3), np.uint8)
    photos = noise.repeat(5, axis=1).repeat(5, axis=2)
    found, expected = (one.predict_on_batch(photos) for one in (any_detector, keras_detector))
    np.testing.assert_allclose(found["scores"], expected["scores"], atol=WARPING)


def test_detect(any_detector, keras_detector, images):
    photos = [images[0], images[1].repeat(2, axis=0), images[2][:70]]
    found, expected = (
        list(one.detect(photos, confidence_threshold=0.1, batch_size=2))
        for one in (any_detector, keras_detector)
    )
    assert [one.image for one in found] == ["0", "1", "2"]
    assert [one.size for one in found] == [(128, 128), (256, 128), (70, 128)]
    for ours, theirs in zip(expected, found, strict=True):
        assert theirs.class_names == NAMES
        assert theirs.labels.tolist() == ours.labels.tolist()
        np.testing.assert_allclose(theirs.scores, ours.scores, atol=ROUNDING)
        np.testing.assert_allclose(theirs.boxes, ours.boxes, atol=256 * ROUNDING)


def test_detect_passes_over_what_it_cannot_read(any_detector, images, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no image")
    errors = []
    found = any_detector.detect([tmp_path / "a.jpg", images[0]], on_error=errors.append)
    assert [one.image for one in found] == ["1"]
    assert "a.jpg" in str(errors[0])


@pytest.mark.parametrize(
    ("images", "came"),
    [
        (np.zeros((1, 128, 128, 3), np.float32), r"float32"),
        (np.zeros((1, 128, 128, 3), np.int64), r"int64"),
        (np.zeros((128, 128, 3), np.uint8), r"uint8 \(128, 128, 3\)"),
        (np.zeros((1, 128, 128), np.uint8), r"uint8 \(1, 128, 128\)"),
        (np.zeros((1, 128, 128, 4), np.uint8), r"uint8 \(1, 128, 128, 4\)"),
        (np.zeros((1, 0, 128, 3), np.uint8), r"uint8 \(1, 0, 128, 3\)"),
    ],
)
@pytest.mark.parametrize("method", ["predict", "predict_on_batch"])
def test_other_images_are_refused_alike(any_detector, method, images, came):
    message = rf"^images: expected uint8 .*\(B, H, W, 3\).*, not {came}"
    with pytest.raises(ValueError, match=message):
        getattr(any_detector, method)(images)


@pytest.mark.parametrize("method", ["predict", "predict_on_batch"])
def test_no_images_are_refused_alike(any_detector, method):
    with pytest.raises(ValueError, match=r"^images: expected at least one"):
        getattr(any_detector, method)(np.zeros((0, 128, 128, 3), np.uint8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence_threshold": 1.5}, "confidence_threshold: expected 0 to 1, not 1.5"),
        ({"batch_size": 0}, "batch_size: expected 1 or more, not 0"),
    ],
)
def test_wrong_options_of_detect_are_refused_alike(any_detector, images, options, message):
    with pytest.raises(ValueError, match=message):
        any_detector.detect(images[0], **options)


def test_every_detector_tracks_alike(any_detector, images):
    tracker = Tracker(start_threshold=0)
    found = list(any_detector.detect([images[0]] * 2, confidence_threshold=0))
    first, second = any_detector.track([images[0]] * 2, confidence_threshold=0, tracker=tracker)
    np.testing.assert_array_equal(first.boxes, found[0].boxes)
    assert set(first.track_ids) == {-1}
    # Of boxes that coincide, only one gets a number.
    numbers = second.track_ids[second.track_ids > 0].tolist()
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers


def test_every_method_of_the_protocol_is_tested_here():
    public = {name for name in vars(ObjectDetector) if not name.startswith("_")}
    methods = {name for name in public if inspect.isfunction(getattr(ObjectDetector, name))}
    assert methods | {"predict"} == {"predict", "predict_on_batch", "detect", "track"}
