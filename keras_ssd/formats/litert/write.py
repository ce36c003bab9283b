"""Writes detectors as LiteRT (TensorFlow Lite) files, for phones and small computers."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_ssd.default_boxes import default_boxes
from keras_ssd.files import checked_output, replace_file
from keras_ssd.formats.backend import require_tensorflow
from keras_ssd.formats.litert import graph as litert_graph
from keras_ssd.formats.litert.decoding import MAX_DETECTIONS, decoding_model
from keras_ssd.formats.litert.metadata import add_metadata, with_files
from keras_ssd.formats.litert.quantization import to_int8
from keras_ssd.formats.raw_outputs import (
    KerasDetector,
    decoding_settings,
    labels_text,
    warped_images,
)
from keras_ssd.inference.thresholds import ThresholdSettings

_DETECTIONS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")


def export_litert(
    detector: KerasDetector,
    path: str | Path,
    *,
    quantize: str | None = None,
    nms: bool = False,
    calibration_images: Sequence[np.ndarray] = (),
    verify: Callable[[Path], object] | None = None,
) -> Path:
    """Writes a detector as a `.tflite` file of built-in operations.

    The input "images" takes one uint8 RGB image (1, S, S, 3), already warped to the network's size.
    The outputs are float32. Without `nms` they are the raw outputs of `SSD`, "offsets" (1, N, 4)
    and "classes" (1, N, K + 1), which `load_detector` decodes. With `nms` the file decodes them
    and finds at most 100 objects among the 1000 best candidates, by NMS of each class. The outputs
    then are, in this order, "detection_boxes" (1, D, 4), relative (ymin, xmin, ymax, xmax);
    "detection_classes" (1, D), from 0; "detection_scores" (1, D), descending; and "num_detections"
    (1,). The file contains the class names as `labels.txt`, and the metadata by which MediaPipe
    Tasks recognizes an object detector.

    Args:
        detector: a `Detector`; its thresholds are exported as they are.
        path: the file to write, with the suffix ".tflite".
        quantize: the precision of the file. None keeps float32. "float16" stores the weights in
            half the size. "dynamic_int8" stores int8 weights, and computes with them in int8 where
            the runtime can. "int8" has int8 weights and activations; L2 normalization, hard-swish,
            softmax and decoding stay float32.
        nms: whether the file decodes the raw outputs and gives detections.
        calibration_images: the images, RGB uint8 (H, W, 3), on which "int8" measures the ranges of
            the activations.
        verify: a function that is called with the complete file before it replaces an earlier one.
            If it raises an error, the earlier file stays.

    Returns:
        The path.

    Raises:
        ValueError: an argument is wrong, or Keras's backend is not TensorFlow.
        ImportError: ai-edge-quantizer, which "int8" needs, is not installed.
    """
    require_tensorflow()
    path = checked_output(path, ".tflite")
    config, settings = detector.config, decoding_settings(detector)
    ssd, warped = detector.with_dtype("float32").ssd, []
    if quantize == "int8":
        warped = warped_images(detector, calibration_images)
    content = _convert(ssd, config.image_size, quantize, warped)
    model = litert_graph.unpack(content, ("offsets", "classes"))
    files = {"labels.txt": labels_text(detector)}
    if nms:
        decoding = decoding_model(default_boxes(config), len(detector.class_names), settings)
        litert_graph.append(model, litert_graph.unpack(decoding, _DETECTIONS))
        limit = min(settings.max_detections, MAX_DETECTIONS)
        baked = ThresholdSettings(settings.confidence_threshold, settings.iou_threshold, limit)
        files["thresholds.json"] = baked.to_json()
    else:
        files["decoding.json"] = settings.to_json()
    if quantize == "int8":
        litert_graph.put_int8_first(model)
    add_metadata(model, detector.name, config.image_size, nms=nms)
    content = with_files(litert_graph.pack(model), files)

    def write(unfinished):
        unfinished.write_bytes(content)
        if verify is not None:
            verify(unfinished)

    replace_file(path, write)
    return path


def _convert(ssd, size, quantize, calibration_images):
    """Returns the bytes of a `.tflite` file from "images" to the raw outputs of an SSD."""
    import tensorflow as tf

    # The calibration of int8 runs a float32 file, which gets its uint8 input afterwards.
    dtype = tf.float32 if quantize == "int8" else tf.uint8

    @tf.function(input_signature=[tf.TensorSpec((1, size, size, 3), dtype, name="images")])
    def raw_outputs(images):
        return ssd(tf.cast(images, tf.float32), training=False)

    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.track(ssd)
        archive.add_endpoint("serve", raw_outputs)
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if quantize in ("float16", "dynamic_int8"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        content = converter.convert()
    return to_int8(content, calibration_images) if quantize == "int8" else content
