"""From an SSD's raw outputs to detections, as a graph of LiteRT's built-in operations.

Not by the runtime's TFLite_Detection_PostProcess: with several threads its suppression by class
never reports the class whose number is that of the threads (LiteRT 2.3, TensorFlow's issue 56058),
and its suppression over all classes cost 0.02 to 0.03 mAP.
"""

import tempfile

import tensorflow as tf
from keras import ops

from keras_ssd import geometry
from keras_ssd.formats.raw_outputs import suppressing_threshold

MAX_DETECTIONS = 100
_CANDIDATES = 1000  # of all classes, best first
_LOW, _HIGH = -1.0, 2.0  # how far beyond the image boxes are told apart


def decoding_model(detector, default_boxes) -> bytes:
    """The `.tflite` file of a graph from "offsets" and "classes" to detections, in float32.

    Args:
        detector: the `Detector`, for its names and thresholds.
        default_boxes: float32 (N, 4).

    Returns:
        A file whose signature maps "offsets" (1, N, 4) and "classes" (1, N, K + 1) to the four
        outputs that `export_litert` describes, D being at most 100.
    """
    num_boxes, num_classes = len(default_boxes), len(detector.class_names)
    limit = min(detector.max_detections, MAX_DETECTIONS)

    @tf.function(
        input_signature=[
            tf.TensorSpec((1, num_boxes, 4), tf.float32, "offsets"),
            tf.TensorSpec((1, num_boxes, num_classes + 1), tf.float32, "classes"),
        ]
    )
    def detections(offsets, classes):
        scores = tf.reshape(tf.nn.softmax(classes)[0, :, 1:], (-1,))
        scores, places = tf.math.top_k(scores, min(_CANDIDATES, num_boxes * num_classes))
        rows, labels = places // num_classes, places % num_classes
        boxes = geometry.decode(
            tf.gather(offsets[0], rows),
            tf.gather(default_boxes, rows),
            detector.config.variances,
            ops,
        )
        boxes = tf.gather(boxes, [1, 0, 3, 2], axis=1)  # ymin, xmin, ymax, xmax
        labels = tf.cast(labels, tf.float32)
        # Each class has a place of its own, where no other's boxes overlap it.
        places = tf.clip_by_value(boxes, _LOW, _HIGH) + labels[:, None] * (_HIGH - _LOW)
        kept, count = tf.raw_ops.NonMaxSuppressionV4(
            boxes=places,
            scores=scores,
            max_output_size=limit,
            iou_threshold=suppressing_threshold(detector),
            score_threshold=detector.confidence_threshold,
            pad_to_max_output_size=True,
        )
        is_kept = tf.cast(tf.range(limit) < count, tf.float32)
        return {
            "detection_boxes": tf.clip_by_value(tf.gather(boxes, kept), 0.0, 1.0)[None]
            * is_kept[None, :, None],
            "detection_classes": (tf.gather(labels, kept) * is_kept)[None],
            "detection_scores": (tf.gather(scores, kept) * is_kept)[None],
            "num_detections": tf.cast(count, tf.float32)[None],
        }

    with tempfile.TemporaryDirectory() as folder:
        module = tf.Module()
        module.detections = detections
        tf.saved_model.save(module, folder, {"serving_default": detections})
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()
