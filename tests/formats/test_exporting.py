"""`export` and `Detector.export`: options, images, and the check of the written file."""

import logging

import numpy as np
import pytest

import keras_ssd
from keras_ssd.data import load
from keras_ssd.formats import ExportError, exporting, file_size
from keras_ssd.formats.exporting import export
from keras_ssd.formats.litert import write as litert_write


def test_each_suffix_writes_what_load_detector_opens(detector, images, tmp_path):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("openvino")
    expected = detector.predict(images, verbose=0)
    for name in ("d.tflite", "d.onnx", "d.xml", "d"):
        written = detector.export(tmp_path / name)
        assert written == tmp_path / (name if "." in name else "d/1")
        found = keras_ssd.load_detector(written).predict(images)
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=1e-4)


def test_thresholds_are_exported_as_they_are_set(detector, images, tmp_path):
    changed = keras_ssd.Detector(detector.ssd, detector.class_names, max_detections=9)
    changed.confidence_threshold, changed.max_detections, changed.iou_threshold = 0.26, 5, 0.1
    expected = changed.predict(images, verbose=0)
    assert expected["scores"].shape == (4, 5)
    for nms in (False, True):
        found = keras_ssd.load_detector(export(changed, tmp_path / "d.tflite", nms=nms))
        found = found.predict(images)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("d.onnx", {"quantize": "int8"}, r"quantize: .*d\.onnx is an ONNX file \(\.onnx\), which"),
        ("d.onnx", {"quantize": "int8"}, r"for a LiteRT file \(\.tflite\) or an OpenVINO file"),
        ("d.xml", {"nms": True}, "nms: .* for a LiteRT file .* or an ONNX file"),
        ("d.xml", {"quantize": "float16"}, "quantize: .* expected None, int8, not 'float16'"),
        ("d.tflite", {"quantize": "int4"}, "quantize: .* dynamic_int8, int8, not 'int4'"),
        ("d.tflite", {"version": 2}, "version: .* it is for a SavedModel"),
        ("d", {"quantize": "float16"}, "quantize: .* is a SavedModel"),
        ("d.bin", {}, "the suffix .bin is of no format"),
        ("d.bin", {"format": "onnx"}, "d.bin: the name must end in .onnx"),
        ("d.tflite", {"quantize": "int8"}, "data: int8 needs images"),
        ("d.tflite", {"quantize": "int8", "data": []}, "data: int8 needs images"),
        ("d.tflite", {"data": 3}, "data: expected AnnotatedImages or RGB uint8 arrays, not int"),
        (
            "d.tflite",
            {"quantize": "int8", "data": [np.zeros((8, 8, 3))]},
            r"data\[0\]: expected .*, not float64 \(8, 8, 3\)",
        ),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_written(detector, tmp_path, name, options, message):
    pytest.importorskip("tf2onnx")
    with pytest.raises(ValueError, match=message):
        export(detector, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


class Writer:
    """Replaces a format's writer: notes its options, and runs the check on a given file."""

    def __init__(self, monkeypatch, path=None):
        self.path = path
        monkeypatch.setattr(litert_write, "export_litert", self)

    def __call__(self, detector, path, *, verify, **options):
        self.options = options
        if verify is not None:
            verify(self.path)
        return path


def test_of_annotated_images_a_hundred_spread_ones_calibrate(
    detector, drawn_voc, tmp_path, monkeypatch
):
    writer, data = Writer(monkeypatch), load([drawn_voc], "train")
    monkeypatch.setattr(exporting, "CALIBRATION_IMAGES", 6)
    export(detector, tmp_path / "d.tflite", quantize="int8", data=data, check=False)
    chosen = [data.samples[index].read_image() for index in (0, 3, 6, 9, 12, 15)]
    for found, expected in zip(writer.options["calibration_images"], chosen, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_arrays_calibrate_all(detector, images, tmp_path, monkeypatch):
    writer = Writer(monkeypatch)
    export(detector, tmp_path / "d.tflite", quantize="int8", data=iter(images), check=False)
    assert len(writer.options["calibration_images"]) == 4


@pytest.fixture(scope="module")
def other_file(tmp_path_factory):
    """A file of a detector of other weights."""
    import keras

    keras.utils.set_random_seed(5)
    other = keras_ssd.Detector(keras_ssd.SSDTiny128(3), ("cat", "dög", "犬"), max_detections=9)
    return export(other, tmp_path_factory.mktemp("other") / "d.tflite")


@pytest.mark.parametrize(
    ("quantize", "bounds"),
    [
        (None, (0.0001, 0.0001, 0.0001, 0.0001, 0.0001)),
        ("float16", (0.1, 0.1, 0.02, 0.02, 0.2)),
        ("int8", (0.3, 0.5, 0.1, 0.2, 0.6)),
    ],
)
def test_a_file_that_differs_is_refused_with_the_differences_and_the_bounds(
    detector, other_file, images, tmp_path, monkeypatch, quantize, bounds
):
    Writer(monkeypatch, other_file)
    data, count = (images, 4) if quantize == "int8" else (None, 16)
    names = ("offsets", "classes", "boxes", "scores", "lost")
    allowed = [
        rf"{name} [^,]+ \(allowed {bound}\)" for name, bound in zip(names, bounds, strict=True)
    ]
    message = rf"differs too much from the detector; differences on {count} images: "
    with pytest.raises(ExportError, match=message + ", ".join(allowed)):
        export(detector, tmp_path / "d.tflite", quantize=quantize, data=data)


def test_the_check_can_be_left_out(detector, other_file, tmp_path, monkeypatch):
    Writer(monkeypatch, other_file)
    export(detector, tmp_path / "d.tflite", check=False)


@pytest.mark.parametrize("name", ["d.tflite", "d.onnx", "d.xml", "d"])
def test_a_refused_file_is_removed_and_an_earlier_one_stays(detector, tmp_path, monkeypatch, name):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("openvino")
    bounds = exporting.BOUNDS[None]
    monkeypatch.setitem(exporting.BOUNDS, None, exporting.Differences(0, 0, 0, 0, -1))
    path = tmp_path / name
    if path.suffix:
        path.write_text("earlier")
    with pytest.raises(ExportError):
        export(detector, path)
    if path.suffix:
        assert path.read_text() == "earlier"
        assert list(tmp_path.iterdir()) == [path]
    else:
        assert list(path.iterdir()) == []
    assert bounds.lost > 0


@pytest.mark.parametrize("num_classes", [1, 20])
def test_an_untrained_network_of_ties_passes_and_the_differences_are_logged(
    num_classes, tmp_path, caplog
):
    names = [f"class {number}" for number in range(num_classes)]
    untrained = keras_ssd.Detector(keras_ssd.SSDTiny128(num_classes), names)
    for variable in untrained.ssd.get_layer("head1_classes").weights:
        variable.assign(variable * 0)  # all boxes of the finest map score the same
    with caplog.at_level(logging.INFO, logger="keras_ssd"):
        export(untrained, tmp_path / "d.tflite", nms=True)
    assert "differences on 16 images: boxes " in caplog.text


def test_the_size_of_a_folder_is_that_of_all_its_files(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.bin").write_bytes(bytes(5))
    (tmp_path / "c.bin").write_bytes(bytes(7))
    assert file_size(tmp_path / "c.bin") == 7
    assert file_size(tmp_path) == 12
