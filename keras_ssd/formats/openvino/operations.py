"""The operations of `graph_decoding` for OpenVINO."""

from collections.abc import Sequence

import numpy as np

from keras_ssd.extras import require
from keras_ssd.formats.graph_decoding import Value
from keras_ssd.formats.raw_outputs import suppressing_threshold
from keras_ssd.inference.decoding import DecodingSettings


class OpenVINOOperations:
    """Makes nodes of OpenVINO's opset 13; `graph_decoding.Operations` describes the methods.

    `multiclass_nms` is not used, because it crashed on CPUs (OpenVINO 2026.4): it sorts scores of
    different classes that differ by less than 1e-6 by a rule that contradicts itself.
    """

    def __init__(self):
        self._ops = require("openvino.opset13", extra="openvino")

    def softmax(self, x: Value) -> Value:
        return self._ops.softmax(x, axis=-1)

    def without_first(self, x: Value) -> Value:
        return self._ops.slice(x, [1], [np.iinfo(np.int64).max], [1], [-1])

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        return self._ops.transpose(x, np.array(axes, np.int32))

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        return self._ops.reshape(x, np.array(shape, np.int32), special_zero=False)

    def top_k(self, x: Value, k: int, *, in_order: bool) -> tuple[Value, Value]:
        # The best 400 of 2034 scores of 20 classes take 0.9 ms unordered, and 1.4 ms in order.
        order = "value" if in_order else "none"
        return self._ops.topk(x, np.int32(k), -1, "max", order, "i32").outputs()

    def gather_nd(self, x: Value, indices: Value, batch_dims: int) -> Value:
        return self._ops.gather_nd(x, indices, batch_dims=batch_dims)

    def non_max_suppression(
        self, boxes: Value, scores: Value, k: int, settings: DecodingSettings
    ) -> Value:
        kept = self._ops.non_max_suppression(
            boxes,
            self._ops.unsqueeze(scores, np.int32(1)),
            np.int32(k),
            suppressing_threshold(settings),
            np.float32(settings.confidence_threshold),
            sort_result_descending=False,
            output_type="i32",
        ).output(0)
        return self._ops.gather(kept, np.array([0, 2], np.int32), np.int32(1))

    def only_at(self, indices: Value, x: Value) -> Value:
        empty = self._ops.broadcast(np.float32(0), self._ops.shape_of(x))
        return self._ops.scatter_nd_update(empty, indices, self.gather_nd(x, indices, 0))

    def pad_last(self, x: Value, count: int) -> Value:
        return self._ops.pad(
            x, np.array([0, 0], np.int32), np.array([0, count], np.int32), "constant", np.float32(0)
        )

    def split_last(self, x: Value) -> tuple[Value, Value]:
        return self._ops.split(x, np.int64(-1), 2).outputs()

    def concatenate(self, x: Value, y: Value) -> Value:
        return self._ops.concat([x, y], axis=-1)

    def unsqueeze_last(self, x: Value) -> Value:
        return self._ops.unsqueeze(x, np.int32(-1))

    def add(self, x: Value, y: Value) -> Value:
        return self._ops.add(x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        return self._ops.subtract(x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        return self._ops.multiply(x, y)

    def divide(self, x: Value, y: Value) -> Value:
        return self._ops.divide(x, np.int32(y))

    def minimum(self, x: Value, y: Value) -> Value:
        return self._ops.minimum(x, y)

    def exp(self, x: Value) -> Value:
        return self._ops.exp(x)

    def is_positive(self, x: Value) -> Value:
        return self._ops.greater(x, np.float32(0))

    def where(self, condition: Value, x: Value, y: Value) -> Value:
        return self._ops.select(condition, x, np.int32(y) if isinstance(y, int) else y)

    def to_int32(self, x: Value) -> Value:
        return self._ops.convert(x, "i32")

    def clip_to_1(self, x: Value) -> Value:
        return self._ops.clamp(x, 0.0, 1.0)

    def sum_last(self, x: Value) -> Value:
        return self._ops.reduce_sum(x, np.int32(-1))

    def result(self, name: str, value: Value) -> Value:
        """Returns the node that makes a value an output of this name."""
        node = self._ops.result(value, name=name)
        node.output(0).get_tensor().set_names({name})
        return node
