"""Detectors as LiteRT (TensorFlow Lite) files, for phones and small computers."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from keras_ssd.default_boxes import default_boxes
from keras_ssd.files import checked_output, replace_file
from keras_ssd.formats.backend import require_tensorflow
from keras_ssd.formats.litert import graph as litert_graph
from keras_ssd.formats.litert.decoding import decoding_model
from keras_ssd.formats.litert.metadata import add_metadata, with_files
from keras_ssd.formats.litert.quantization.bias_correction import with_corrected_biases
from keras_ssd.formats.litert.quantization.equalization import with_equal_channels
from keras_ssd.formats.raw_outputs import (
    decoding_settings,
    labels_text,
    warped_images,
)

_DETECTIONS = ("detection_boxes", "detection_classes", "detection_scores", "num_detections")
# In the int8 file. The additions' sums, rounded, would pass their errors on from block to block.
# LiteRT's int8 L2 normalization puts out steps of 1/128, too coarse for hundreds of channels.
_FLOAT_OPERATIONS = ["ADD", "MUL", "L2_NORMALIZATION"]


def export_litert(
    detector,
    path: str | Path,
    *,
    quantize: str | None = None,
    nms: bool = False,
    calibration_images: Sequence[np.ndarray] = (),
    verify: Callable[[Path], object] | None = None,
) -> Path:
    """Writes a detector as a `.tflite` file of built-in operations.

    Its input "images" is one uint8 RGB image (1, S, S, 3), already warped to the network's size;
    its outputs are float32. Without `nms` they are the raw outputs of `SSD`, "offsets" (1, N, 4)
    and "classes" (1, N, K + 1), which `load_detector` decodes. With `nms` the file decodes them
    and finds at most 100 objects among the 1000 best candidates, by NMS of each class:
    "detection_boxes" (1, D, 4), relative (ymin, xmin, ymax, xmax); "detection_classes" (1, D), from
    0; "detection_scores" (1, D), descending; and "num_detections" (1,), in this order. The file
    holds the class names, `labels.txt`, and the metadata by which MediaPipe Tasks knows an object
    detector.

    Args:
        detector: a `Detector`; its thresholds are exported as they are.
        path: the file to write, with the suffix ".tflite".
        quantize: None is float32. "float16" stores weights of half the size. "dynamic_int8" stores
            int8 weights, and computes with them in int8 where the runtime can. "int8" has int8
            weights and activations; additions, L2 normalization, the pointwise convolutions of the
            heads, softmax and decoding stay float32, because they are cheap and lose most.
        nms: whether the file ends with detections.
        calibration_images: RGB uint8 (H, W, 3); "int8" takes the ranges of the activations from
            them.
        verify: a function that is called with the complete file before it replaces an earlier one.
            What it raises is raised, and the earlier file stays.

    Returns:
        The path.

    Raises:
        ValueError: an argument is wrong, or Keras's backend is not TensorFlow.
    """
    require_tensorflow()
    path = checked_output(path, ".tflite")
    config, settings = detector.config, decoding_settings(detector)
    ssd, warped = detector.with_dtype("float32").ssd, []
    if quantize == "int8":
        warped = warped_images(detector, calibration_images)
        ssd = with_equal_channels(ssd, warped)
        ssd = with_corrected_biases(ssd, warped, exact=_pointwise_heads(ssd))
    content = _convert(ssd, config.image_size, quantize, warped)
    model = litert_graph.unpack(content, ("offsets", "classes"))
    files = {"labels.txt": labels_text(detector)}
    if nms:
        decoding = decoding_model(default_boxes(config), len(detector.class_names), settings)
        litert_graph.append(model, litert_graph.unpack(decoding, _DETECTIONS))
    else:
        files["decoding.json"] = settings.to_json()
    add_metadata(model, detector.name, config.image_size, nms=nms)
    content = with_files(litert_graph.pack(model), files)

    def write(unfinished):
        unfinished.write_bytes(content)
        if verify is not None:
            verify(unfinished)

    replace_file(path, write)
    return path


def _convert(ssd, size, quantize, calibration_images):
    """The bytes of the `.tflite` file that TensorFlow's converter makes of an SSD."""
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize

    # int8 alone takes float32 here, as the calibration needs; the converter makes it uint8.
    dtype = tf.float32 if quantize == "int8" else tf.uint8

    @tf.function(input_signature=[tf.TensorSpec((1, size, size, 3), dtype, name="images")])
    def raw_outputs(images):
        return ssd(tf.cast(images, tf.float32), training=False)

    def calibration_inputs():
        for image in calibration_images:
            yield [image[None].astype(np.float32)]

    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.track(ssd)
        archive.add_endpoint("serve", raw_outputs)
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if quantize is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantize != "int8":
            return converter.convert()
        # TensorFlow's QuantizationDebugger leaves operations out in these two steps.
        converter.representative_dataset = calibration_inputs
        converter._experimental_calibrate_only = True
        # All that a pixel can be, whatever the images happen to hold.
        calibrated = litert_graph.with_input_range(converter.convert(), 0.0, 255.0)
        return mlir_quantize(
            calibrated,
            input_data_type=tf.uint8,
            denylisted_ops=_FLOAT_OPERATIONS,
            denylisted_nodes=litert_graph.pointwise_heads(calibrated),
        )


def _pointwise_heads(ssd):
    """Names of the layers that `litert_graph.pointwise_heads` finds again in the file."""
    flat = [ssd.get_layer(name).input for name in ("offsets", "classes")]
    heads = [tensor._keras_history.operation for tensor in keras.tree.flatten(flat)]
    all_pointwise = all(head.kernel_size == (1, 1) for head in heads)
    return {head.name for head in heads} if all_pointwise else set()
