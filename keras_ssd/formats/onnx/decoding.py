"""What the layer `DecodeDetections` does, in ONNX's operations."""

import numpy as np

from keras_ssd.geometry import MAX_LOG_SCALE


def add_decoding(model, detector, default_boxes) -> None:
    """Replaces a network's outputs "offsets" and "classes" by a detector's four, in place.

    Args:
        model: onnx.ModelProto of what `raw_outputs_model` returns, of opset 13 or later.
        detector: the `Detector`, for its names and thresholds.
        default_boxes: float32 (N, 4), relative (cx, cy, w, h).
    """
    from onnx import TensorProto

    num_classes, num_detections = len(detector.class_names), detector.max_detections
    top_k = min(detector.top_k, len(default_boxes))
    num_candidates = num_classes * top_k
    graph = _Graph(model.graph)
    add = graph.add

    probabilities = add("Softmax", "classes", axis=-1)
    scores = add("Slice", probabilities, [1], [num_classes + 1], [2])
    scores = add("Transpose", scores, perm=[0, 2, 1])  # (B, K, N)
    scores, indices = add("TopK", scores, [top_k], num_outputs=2)  # (B, K, top_k)
    indices = add("Reshape", indices, [-1, num_candidates, 1])
    boxes = _boxes(add, "offsets", default_boxes, detector.config.variances)
    candidates = add("GatherND", boxes, indices, batch_dims=1)  # (B, K * top_k, 4)

    # A class's candidates are boxes of their own, so each class stands as an image of one class.
    kept = add(
        "NonMaxSuppression",
        add("Reshape", candidates, [-1, top_k, 4]),
        add("Reshape", scores, [-1, 1, top_k]),
        [top_k],
        np.float32([detector.iou_threshold]),
        np.float32([detector.confidence_threshold]),
    )
    kept = add("Gather", kept, [0, 2], axis=1)  # (M, 2), row and column of:
    scores = add("Reshape", scores, [-1, top_k])  # (B * K, top_k)
    empty = add("ConstantOfShape", add("Shape", scores))
    scores = add("ScatterND", empty, kept, add("GatherND", scores, kept))
    scores = add("Reshape", scores, [-1, num_candidates])
    missing = max(num_detections - num_candidates, 0)
    scores = add("Pad", scores, [0, 0, 0, missing])
    scores, indices = add("TopK", scores, [num_detections], num_outputs=2)  # (B, D)

    found = add("Greater", scores, np.float32(0))
    indices = add("Where", found, indices, np.int64(0))
    labels = add("Cast", add("Div", indices, np.int64(top_k)), to=TensorProto.INT32)
    boxes = add("GatherND", candidates, add("Unsqueeze", indices, [-1]), batch_dims=1)
    boxes = add("Clip", boxes, np.float32(0), np.float32(1))
    counted = add("Cast", found, to=TensorProto.INT32)
    outputs = {
        "boxes": add("Where", add("Unsqueeze", found, [-1]), boxes, np.float32(0)),
        "labels": add("Where", found, labels, np.int32(-1)),
        "scores": scores,
        "num_detections": add("ReduceSum", counted, [1], keepdims=0),
    }
    types = {"labels": TensorProto.INT32, "num_detections": TensorProto.INT32}
    shapes = {"boxes": [num_detections, 4], "num_detections": []}
    del model.graph.output[:]
    for name, value in outputs.items():
        graph.put_out(
            name, value, types.get(name, TensorProto.FLOAT), shapes.get(name, [num_detections])
        )


def _boxes(add, offsets, default_boxes, variances):
    """Corners (B, N, 4), as `boxes.decode` computes them."""
    centers, sizes = np.split(default_boxes, 2, axis=-1)
    scaled = add("Mul", offsets, np.asarray(variances, np.float32))
    shifts, log_scales = add("Split", scaled, [2, 2], num_outputs=2, axis=-1)
    centers = add("Add", add("Mul", shifts, sizes), centers)
    scales = add("Exp", add("Min", log_scales, np.float32(MAX_LOG_SCALE)))
    half_sizes = add("Mul", scales, sizes / 2)
    corners = add("Sub", centers, half_sizes), add("Add", centers, half_sizes)
    return add("Concat", *corners, axis=-1)


class _Graph:
    """Adds operations to an onnx.GraphProto; values go by their names."""

    def __init__(self, graph):
        self._graph = graph

    def add(self, operation, *inputs, num_outputs=1, **attributes):
        """The value that an operation puts out, or the values if there are several.

        Args:
            inputs: names; arrays and lists of integers (int64) become constants.
        """
        from onnx import helper

        name = self._new_name(operation)
        names = [x if isinstance(x, str) else self._constant(x) for x in inputs]
        outputs = [f"{name}:{number}" for number in range(num_outputs)]
        node = helper.make_node(operation, names, outputs, name=name, **attributes)
        self._graph.node.append(node)
        return outputs if num_outputs > 1 else outputs[0]

    def put_out(self, name, value, element_type, shape):
        """Makes a value, its shape given without the batch, an output of the graph."""
        from onnx import helper

        self._graph.node.append(helper.make_node("Identity", [value], [name], name=name))
        info = helper.make_tensor_value_info(name, element_type, ["batch", *shape])
        self._graph.output.append(info)

    def _constant(self, value):
        from onnx import numpy_helper

        name = self._new_name("Constant")
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def _new_name(self, kind):
        return f"decode_detections/{kind}_{len(self._graph.node)}_{len(self._graph.initializer)}"
