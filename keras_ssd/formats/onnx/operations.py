"""The operations of `graph_decoding` for ONNX."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_ssd.formats.graph_decoding import Value
from keras_ssd.inference.decoding import DecodingSettings


class OnnxOperations:
    """Adds operations to an onnx.GraphProto of opset 13 or later; values are names.

    `graph_decoding.Operations` describes the methods.

    Args:
        graph: the graph, which is changed in place.
    """

    def __init__(self, graph: Any):
        self._graph = graph

    def softmax(self, x: Value) -> Value:
        return self._add("Softmax", x, axis=-1)

    def without_first(self, x: Value) -> Value:
        end = np.iinfo(np.int64).max
        return self._add(
            "Slice", x, np.array([1], np.int64), np.array([end], np.int64), np.array([-1], np.int64)
        )

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        return self._add("Transpose", x, perm=list(axes))

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        return self._add("Reshape", x, np.array(shape, np.int64))

    def top_k(self, x: Value, k: int, *, in_order: bool) -> tuple[Value, Value]:
        return self._add("TopK", x, np.array([k], np.int64), num_outputs=2, sorted=int(in_order))

    def gather_nd(self, x: Value, indices: Value, batch_dims: int) -> Value:
        return self._add("GatherND", x, indices, batch_dims=batch_dims)

    def non_max_suppression(
        self, boxes: Value, scores: Value, k: int, settings: DecodingSettings
    ) -> Value:
        # OpenCV crashes if no box is kept. So each row gets one more box, before the others, which
        # is always kept; `only_at` removes it again.
        boxes = self._add("Pad", boxes, np.array([0, 1, 0, 0, 0, 0], np.int64))
        scores = self._add("Pad", scores, np.array([0, 1, 0, 0], np.int64), np.float32(2))
        kept = self._add(
            "NonMaxSuppression",
            boxes,
            self._add("Unsqueeze", scores, np.array([1], np.int64)),
            np.array([k + 1], np.int64),
            np.array([settings.iou_threshold], np.float32),
            np.array([settings.confidence_threshold], np.float32),
        )
        return self._add("Gather", kept, np.array([0, 2], np.int64), axis=1)

    def only_at(self, indices: Value, x: Value) -> Value:
        from onnx import numpy_helper

        x = self._add("Pad", x, np.array([0, 1, 0, 0], np.int64))
        zero = numpy_helper.from_array(np.zeros(1, np.float32))  # OpenCV does not know the default
        empty = self._add("ConstantOfShape", self._add("Shape", x), value=zero)
        found = self._add("ScatterND", empty, indices, self.gather_nd(x, indices, batch_dims=0))
        return self.without_first(found)

    def pad_last(self, x: Value, count: int) -> Value:
        return self._add("Pad", x, np.array([0, 0, 0, count], np.int64))

    def split_last(self, x: Value) -> tuple[Value, Value]:
        return self._add("Split", x, np.array([2, 2], np.int64), num_outputs=2, axis=-1)

    def concatenate(self, x: Value, y: Value) -> Value:
        return self._add("Concat", x, y, axis=-1)

    def unsqueeze_last(self, x: Value) -> Value:
        return self._add("Unsqueeze", x, np.array([-1], np.int64))

    def add(self, x: Value, y: Value) -> Value:
        return self._add("Add", x, y)

    def subtract(self, x: Value, y: Value) -> Value:
        return self._add("Sub", x, y)

    def multiply(self, x: Value, y: Value) -> Value:
        return self._add("Mul", x, y)

    def divide(self, x: Value, y: Value) -> Value:
        return self._add("Div", x, y)

    def minimum(self, x: Value, y: Value) -> Value:
        return self._add("Min", x, y)

    def exp(self, x: Value) -> Value:
        return self._add("Exp", x)

    def is_positive(self, x: Value) -> Value:
        return self._add("Greater", x, np.float32(0))

    def where(self, condition: Value, x: Value, y: Value) -> Value:
        return self._add("Where", condition, x, y)

    def to_int32(self, x: Value) -> Value:
        from onnx import TensorProto

        return self._add("Cast", x, to=TensorProto.INT32)

    def clip_to_1(self, x: Value) -> Value:
        return self._add("Clip", x, np.float32(0), np.float32(1))

    def sum_last(self, x: Value) -> Value:
        return self._add("ReduceSum", x, np.array([-1], np.int64), keepdims=0)

    def put_out(self, name: str, value: Value, element_type: int, shape: Sequence[int]) -> None:
        """Makes a value an output of the graph.

        Args:
            name: the name of the output.
            value: the name of the value.
            element_type: the element type, a number of onnx.TensorProto's DataType.
            shape: the shape of the output without the batch.
        """
        from onnx import helper

        self._graph.node.append(helper.make_node("Identity", [value], [name], name=name))
        info = helper.make_tensor_value_info(name, element_type, ["batch", *shape])
        self._graph.output.append(info)

    def _add(self, operation, *operands, num_outputs=1, **attributes):
        """Returns the value that an operation returns, or the values if there are several."""
        from onnx import helper

        name = self._new_name(operation)
        inputs = [x if isinstance(x, str) else self._constant(x) for x in operands]
        outputs = [f"{name}:{number}" for number in range(num_outputs)]
        node = helper.make_node(operation, inputs, outputs, name=name, **attributes)
        self._graph.node.append(node)
        return outputs if num_outputs > 1 else outputs[0]

    def _constant(self, value):
        from onnx import numpy_helper

        value = np.int64(value) if isinstance(value, int) else np.asarray(value)
        name = self._new_name("Constant")
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _new_name(self, kind):
        return f"decode_detections/{kind}_{len(self._graph.node)}_{len(self._graph.initializer)}"
