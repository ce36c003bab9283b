"""The graph of a `.tflite` file as Python objects: read, named, completed and written again."""

import flatbuffers
import numpy as np
from flatbuffers import flexbuffers

POST_PROCESSING = "TFLite_Detection_PostProcess"
MAX_DETECTIONS = 100


def unpack(content: bytes):
    """A `.tflite` file as a ModelT of TensorFlow's schema, tensors and outputs named and ordered.

    Of a model whose one signature maps "images" to "offsets" and "classes".
    """
    schema = _schema()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    for entry in (*signature.inputs, *signature.outputs):
        graph.tensors[entry.tensorIndex].name = entry.name
    indices = {entry.name.decode(): entry.tensorIndex for entry in signature.outputs}
    graph.outputs = [indices["offsets"], indices["classes"]]
    return model


def pointwise_heads(content: bytes) -> list[str]:
    """Names in an SSD's `.tflite` file: of its heads' 1x1 convolutions and of what joins them.

    Empty if the heads' convolutions are larger.
    """
    schema = _schema()
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    makers = {operator.outputs[0]: operator for operator in graph.operators}
    found, tensors = [], list(graph.outputs)
    while tensors:
        operator = makers[tensors.pop()]
        found.append(graph.tensors[operator.outputs[0]].name.decode())
        if model.operatorCodes[operator.opcodeIndex].builtinCode != schema.BuiltinOperator.CONV_2D:
            tensors += [tensor for tensor in operator.inputs if tensor in makers]
        elif list(graph.tensors[operator.inputs[1]].shape[1:3]) != [1, 1]:
            return []
    return found


def pack(model) -> bytes:
    """The `.tflite` file of a ModelT."""
    builder = _AlignedBuilder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def add_post_processing(
    model,
    default_boxes: np.ndarray,
    variances,
    *,
    confidence_threshold: float,
    iou_threshold: float,
    max_detections: int,
) -> None:
    """Puts softmax and TFLite_Detection_PostProcess behind the raw outputs, in float32.

    The operation reads boxes as (y, x, height, width), and this package's are (x, y, width,
    height); so the offsets are rearranged first. Source: TensorFlow Lite's
    `detection_postprocess.cc`.
    """
    schema = _schema()
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    offsets, logits = graph.outputs
    num_boxes, num_scores = graph.tensors[logits].shape[1:]
    order = np.array([1, 0, 3, 2], np.int32)

    swapped = _add_tensor(model, "box_encodings", [1, num_boxes, 4])
    gather = schema.GatherOptionsT(axis=2)
    order_tensor = _add_tensor(model, "yxhw", [4], order)
    _add_operator(model, schema.BuiltinOperator.GATHER, gather, [offsets, order_tensor], [swapped])

    scores = _add_tensor(model, "class_predictions", [1, num_boxes, num_scores])
    softmax = schema.SoftmaxOptionsT(beta=1.0)
    _add_operator(model, schema.BuiltinOperator.SOFTMAX, softmax, [logits], [scores])

    anchors = _add_tensor(model, "anchors", [num_boxes, 4], default_boxes[:, order])
    count = min(max_detections, MAX_DETECTIONS)
    names_and_shapes = {
        "detection_boxes": [1, count, 4],
        "detection_classes": [1, count],
        "detection_scores": [1, count],
        "num_detections": [1],
    }
    graph.outputs = [_add_tensor(model, *item) for item in names_and_shapes.items()]
    x_variance, y_variance, width_variance, height_variance = variances
    settings = {
        "max_detections": count,
        "max_classes_per_detection": 1,
        "detections_per_class": count,
        "use_regular_nms": True,
        "nms_score_threshold": confidence_threshold,
        "nms_iou_threshold": iou_threshold,
        "num_classes": int(num_scores) - 1,
        "y_scale": 1 / y_variance,
        "x_scale": 1 / x_variance,
        "h_scale": 1 / height_variance,
        "w_scale": 1 / width_variance,
    }
    _add_operator(
        model, schema.BuiltinOperator.CUSTOM, settings, [swapped, scores, anchors], graph.outputs
    )
    signature.outputs = [
        schema.TensorMapT(name=name, tensorIndex=index)
        for name, index in zip(names_and_shapes, graph.outputs, strict=True)
    ]


def add_buffer(model, data: np.ndarray | bytes) -> int:
    """Adds the bytes to the model's buffers and returns their index."""
    data = np.frombuffer(data if isinstance(data, bytes) else data.tobytes(), np.uint8)
    model.buffers.append(_schema().BufferT(data=data))
    return len(model.buffers) - 1


class _AlignedBuilder(flatbuffers.Builder):
    """Starts each vector at a multiple of 16 bytes, as the schema asks of constant tensors.

    The Python classes generated of the schema leave that out; some processors need it.
    """

    def StartVector(self, elemSize, numElems, alignment):
        return super().StartVector(elemSize, numElems, max(alignment, 16))


def _schema():
    from tensorflow.lite.python import schema_py_generated

    return schema_py_generated


def _add_tensor(model, name, shape, values=None):
    """Adds a float32 tensor, or a constant of float32 or int32 `values`; returns its index."""
    schema, (graph,) = _schema(), model.subgraphs
    types = {"float32": schema.TensorType.FLOAT32, "int32": schema.TensorType.INT32}
    tensor = schema.TensorT(
        name=name,
        shape=[int(side) for side in shape],
        type=types[values.dtype.name] if values is not None else schema.TensorType.FLOAT32,
        buffer=0 if values is None else add_buffer(model, values),  # 0 is the empty one
    )
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _add_operator(model, code, options, inputs, outputs):
    """Adds an operation; a dictionary of options is that of the post-processing."""
    schema, (graph,) = _schema(), model.subgraphs
    custom = code == schema.BuiltinOperator.CUSTOM
    model.operatorCodes.append(
        schema.OperatorCodeT(
            builtinCode=code,
            deprecatedBuiltinCode=code,
            customCode=POST_PROCESSING if custom else None,
            version=1,
        )
    )
    operator = schema.OperatorT(
        opcodeIndex=len(model.operatorCodes) - 1, inputs=inputs, outputs=outputs
    )
    if custom:
        operator.customOptions = np.frombuffer(flexbuffers.Dumps(options), np.uint8)
    else:
        name = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        operator.builtinOptions = options
    graph.operators.append(operator)
