"""The decoding at the end of ONNX and OpenVINO files, written once for both formats."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from keras_ssd.geometry import MAX_LOG_SCALE
from keras_ssd.inference.decoding import DecodingSettings

Value = Any  # a tensor in the graph of a format


class Operations(Protocol):
    """Adds operations to the graph of a format.

    Operands are values of the graph, float32 arrays, or ints. Ints become constants with the dtype
    of the indices that the format's `top_k` returns.
    """

    def softmax(self, x: Value) -> Value:
        """Applies the softmax along the last axis."""

    def without_first(self, x: Value) -> Value:
        """Returns all but the first entry of the last axis."""

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        """Transposes to this order of axes."""

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """Changes the shape; -1 is the remaining dimension."""

    def top_k(self, x: Value, k: int, *, in_order: bool) -> tuple[Value, Value]:
        """Returns the k largest values along the last axis, and their indices."""

    def gather_nd(self, x: Value, indices: Value, batch_dims: int) -> Value:
        """Returns the slices of `x` at the indices in the last axis."""

    def non_max_suppression(
        self, boxes: Value, scores: Value, k: int, settings: DecodingSettings
    ) -> Value:
        """Applies NMS to boxes (R, k, 4) with scores (R, k).

        It returns the (row, column) of each box that is kept: (M, 2).
        """

    def only_at(self, indices: Value, x: Value) -> Value:
        """Returns `x` (R, C) with 0 at all places that are not in the indices (M, 2)."""

    def pad_last(self, x: Value, count: int) -> Value:
        """Returns `x` (R, C) with `count` columns of 0 appended."""

    def split_last(self, x: Value) -> tuple[Value, Value]:
        """Splits the last axis in two halves."""

    def concatenate(self, x: Value, y: Value) -> Value:
        """Joins both along the last axis."""

    def unsqueeze_last(self, x: Value) -> Value:
        """Adds a last axis of length 1."""

    def add(self, x: Value, y: Value) -> Value: ...

    def subtract(self, x: Value, y: Value) -> Value: ...

    def multiply(self, x: Value, y: Value) -> Value: ...

    def divide(self, x: Value, y: Value) -> Value:
        """Divides `x` by `y`; quotients of indices are rounded down."""

    def minimum(self, x: Value, y: Value) -> Value: ...

    def exp(self, x: Value) -> Value: ...

    def is_positive(self, x: Value) -> Value: ...

    def where(self, condition: Value, x: Value, y: Value) -> Value: ...

    def to_int32(self, x: Value) -> Value: ...

    def clip_to_1(self, x: Value) -> Value:
        """Clips to [0, 1]."""

    def sum_last(self, x: Value) -> Value:
        """Sums along the last axis, which is removed."""


def add_decoding(
    ops: Operations,
    offsets: Value,
    logits: Value,
    default_boxes: np.ndarray,
    num_classes: int,
    settings: DecodingSettings,
) -> dict[str, Value]:
    """Adds the steps of the layer `DecodeDetections` to a graph.

    Args:
        ops: the operations of the graph's format.
        offsets: float32 (B, N, 4).
        logits: float32 (B, N, K + 1), background first.
        default_boxes: float32 (N, 4), relative (cx, cy, w, h).
        num_classes: K, the number of foreground classes.
        settings: the thresholds, and the variances of the offsets.

    Returns:
        The layer's outputs by name: "boxes" (B, D, 4), "labels" (B, D), "scores" (B, D) and
        "num_detections" (B,), for D detections.
    """
    num_detections = settings.max_detections
    top_k = min(settings.top_k, len(default_boxes))
    num_candidates = num_classes * top_k

    scores = ops.without_first(ops.softmax(logits))
    scores = ops.transpose(scores, (0, 2, 1))  # (B, K, N)
    scores, indices = ops.top_k(scores, top_k, in_order=False)  # (B, K, top_k)
    indices = ops.reshape(indices, (-1, num_candidates, 1))
    boxes = _boxes(ops, offsets, default_boxes, settings.config.variances)
    candidates = ops.gather_nd(boxes, indices, batch_dims=1)  # (B, K * top_k, 4)

    # The operation shares boxes among the classes of an image. Here each class has other
    # candidates, so each class is passed as an image of its own, one row.
    rows = ops.reshape(scores, (-1, top_k))  # (B * K, top_k)
    kept = ops.non_max_suppression(ops.reshape(candidates, (-1, top_k, 4)), rows, top_k, settings)
    scores = ops.reshape(ops.only_at(kept, rows), (-1, num_candidates))
    scores = ops.pad_last(scores, max(num_detections - num_candidates, 0))
    scores, indices = ops.top_k(scores, num_detections, in_order=True)  # (B, D)

    found = ops.is_positive(scores)
    indices = ops.where(found, indices, 0)
    labels = ops.to_int32(ops.divide(indices, top_k))
    boxes = ops.gather_nd(candidates, ops.unsqueeze_last(indices), batch_dims=1)
    return {
        "boxes": ops.where(ops.unsqueeze_last(found), ops.clip_to_1(boxes), np.float32(0)),
        "labels": ops.where(found, labels, np.int32(-1)),
        "scores": scores,
        "num_detections": ops.sum_last(ops.to_int32(found)),
    }


def _boxes(ops, offsets, default_boxes, variances):
    """Corners (B, N, 4), as `geometry.decode` computes them."""
    centers, sizes = np.split(default_boxes, 2, axis=-1)
    shifts, log_scales = ops.split_last(ops.multiply(offsets, np.asarray(variances, np.float32)))
    centers = ops.add(ops.multiply(shifts, sizes), centers)
    scales = ops.exp(ops.minimum(log_scales, np.float32(MAX_LOG_SCALE)))
    half_sizes = ops.multiply(scales, sizes / 2)
    return ops.concatenate(ops.subtract(centers, half_sizes), ops.add(centers, half_sizes))
