"""What the layer `DecodeDetections` does, in OpenVINO's operations."""

import numpy as np

from keras_ssd.formats.raw_outputs import suppressing_threshold
from keras_ssd.geometry import MAX_LOG_SCALE


def add_decoding(model, detector, default_boxes) -> None:
    """Replaces a network's outputs "offsets" and "classes" by a detector's four, in place.

    Args:
        model: openvino.Model of what `raw_outputs_model` returns, perhaps quantized.
        detector: the `Detector`, for its names and thresholds.
        default_boxes: float32 (N, 4), relative (cx, cy, w, h).
    """
    from openvino import opset13 as ops

    results = [model.output(name).get_node() for name in ("offsets", "classes")]
    offsets, logits = (result.input_value(0) for result in results)
    outputs = _detections(ops, offsets, logits, detector, default_boxes)
    for result in results:
        model.remove_result(result)
    for name, output in outputs.items():
        result = ops.result(output, name=name)
        result.output(0).get_tensor().set_names({name})
        model.add_results([result])


def _detections(ops, offsets, logits, detector, default_boxes):
    """The layer's outputs by their names.

    Not by `multiclass_nms`: on CPUs it sorts scores of different classes that differ by less than
    1e-6 by a rule that contradicts itself, and crashed (OpenVINO 2026.4).
    """
    num_classes, num_detections = len(detector.class_names), detector.max_detections
    top_k = min(detector.top_k, len(default_boxes))
    num_candidates = num_classes * top_k

    probabilities = ops.softmax(logits, axis=-1)
    scores = ops.slice(probabilities, [1], [num_classes + 1], [1], [2])
    scores = ops.transpose(scores, [0, 2, 1])  # (B, K, N)
    # In no order, which takes 0.9 ms in place of 1.4 for 20 classes; the suppression sorts.
    scores, indices = _top_k(ops, scores, top_k, axis=2, order="none")  # (B, K, top_k)
    indices = _reshape(ops, indices, -1, num_candidates, 1)
    boxes = _boxes(ops, offsets, default_boxes, detector.config.variances)
    candidates = ops.gather_nd(boxes, indices, batch_dims=1)  # (B, K * top_k, 4)

    # A class's candidates are boxes of their own, so each class stands as an image of one class.
    kept = ops.non_max_suppression(
        _reshape(ops, candidates, -1, top_k, 4),
        _reshape(ops, scores, -1, 1, top_k),
        np.int32(top_k),
        suppressing_threshold(detector),
        np.float32(detector.confidence_threshold),
        sort_result_descending=False,
        output_type="i32",
    ).output(0)
    kept = ops.gather(kept, np.int32([0, 2]), np.int32(1))  # (M, 2), row and column of:
    scores = _reshape(ops, scores, -1, top_k)  # (B * K, top_k)
    empty = ops.broadcast(np.float32(0), ops.shape_of(scores))
    scores = ops.scatter_nd_update(empty, kept, ops.gather_nd(scores, kept))
    scores = _reshape(ops, scores, -1, num_candidates)
    missing = max(num_detections - num_candidates, 0)
    scores = ops.pad(scores, np.int32([0, 0]), np.int32([0, missing]), "constant", np.float32(0))
    scores, indices = _top_k(ops, scores, num_detections, axis=1, order="value")  # (B, D)

    found = ops.greater(scores, np.float32(0))
    indices = ops.select(found, indices, np.int32(0))
    labels = ops.select(found, ops.divide(indices, np.int32(top_k)), np.int32(-1))
    last = np.int32(-1)
    boxes = ops.gather_nd(candidates, ops.unsqueeze(indices, last), batch_dims=1)
    boxes = ops.clamp(boxes, 0.0, 1.0)
    return {
        "boxes": ops.select(ops.unsqueeze(found, last), boxes, np.float32(0)),
        "labels": labels,
        "scores": scores,
        "num_detections": ops.reduce_sum(ops.convert(found, "i32"), last),
    }


def _boxes(ops, offsets, default_boxes, variances):
    """Corners (B, N, 4), as `boxes.decode` computes them."""
    centers, sizes = np.split(default_boxes, 2, axis=-1)
    scaled = ops.multiply(offsets, np.asarray(variances, np.float32))
    shifts, log_scales = ops.split(scaled, np.int64(-1), 2).outputs()
    centers = ops.add(ops.multiply(shifts, sizes), centers)
    scales = ops.exp(ops.minimum(log_scales, np.float32(MAX_LOG_SCALE)))
    half_sizes = ops.multiply(scales, sizes / 2)
    return ops.concat([ops.subtract(centers, half_sizes), ops.add(centers, half_sizes)], axis=-1)


def _top_k(ops, values, k, axis, order):
    """The largest k and their indices."""
    return ops.topk(values, np.int32(k), axis, "max", order, "i32").outputs()


def _reshape(ops, values, *shape):
    return ops.reshape(values, np.int32(shape), special_zero=False)
