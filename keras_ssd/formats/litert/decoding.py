"""The decoding of an SSD's raw outputs to detections, as a graph of LiteRT's built-in operations.

The runtime's operation TFLite_Detection_PostProcess is not used. If it runs NMS for each class on
n threads, it never reports class n (LiteRT 2.3, TensorFlow's issue 56058). If it runs NMS over all
classes, it costs 0.02 to 0.03 mAP.
"""

import tempfile

import numpy as np
import tensorflow as tf
from keras import ops

from keras_ssd import geometry
from keras_ssd.formats.raw_outputs import suppressing_threshold
from keras_ssd.inference.decoding import DecodingSettings

MAX_DETECTIONS = 100
_CANDIDATES = 1000  # the number of the best candidates, of all classes together
_LOW, _HIGH = -1.0, 2.0  # coordinates are clipped to this range for NMS


def decoding_model(
    default_boxes: np.ndarray, num_classes: int, settings: DecodingSettings
) -> bytes:
    """Returns the `.tflite` file of a graph from "offsets" and "classes" to detections, in float32.

    Args:
        default_boxes: float32 (N, 4), relative (cx, cy, w, h).
        num_classes: K, the number of foreground classes.
        settings: the thresholds, and the variances of the offsets.

    Returns:
        The bytes of a file. Its signature maps "offsets" (1, N, 4) and "classes" (1, N, K + 1) to
        the four outputs that `export_litert` describes, with D at most 100.
    """
    num_boxes = len(default_boxes)
    limit = min(settings.max_detections, MAX_DETECTIONS)
    iou_threshold = suppressing_threshold(settings)

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
            settings.config.variances,
            ops,
        )
        boxes = tf.gather(boxes, [1, 0, 3, 2], axis=1)  # ymin, xmin, ymax, xmax
        labels = tf.cast(labels, tf.float32)
        # Each class is moved to a place of its own, where no box of another class overlaps it.
        places = tf.clip_by_value(boxes, _LOW, _HIGH) + labels[:, None] * (_HIGH - _LOW)
        kept, count = tf.raw_ops.NonMaxSuppressionV4(
            boxes=places,
            scores=scores,
            max_output_size=limit,
            iou_threshold=iou_threshold,
            score_threshold=settings.confidence_threshold,
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
