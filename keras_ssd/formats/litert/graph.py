"""Reads, completes and writes the graph of a `.tflite` file, as Python objects."""

import copy
from collections.abc import Iterable
from typing import Any

import flatbuffers
import numpy as np


def unpack(content: bytes, outputs: Iterable[str]) -> Any:
    """Reads a `.tflite` file as a ModelT of TensorFlow's schema, and names and orders its outputs.

    Args:
        content: the file. Its one signature has outputs of these names.
        outputs: the names in the order that the outputs get.
    """
    model = read(content)
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    for entry in (*signature.inputs, *signature.outputs):
        graph.tensors[entry.tensorIndex].name = entry.name
    indices = _indices(signature.outputs)
    graph.outputs = [indices[name] for name in outputs]
    return model


def operators(model: Any, name: str) -> list[Any]:
    """Returns the operators of one kind, such as "CONV_2D", in the order of computation."""
    (graph,) = model.subgraphs
    code = getattr(schema().BuiltinOperator, name)
    return [
        operator
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == code
    ]


def constant(model: Any, index: int) -> np.ndarray | None:
    """Returns the values of a constant float32 tensor, or None if the tensor is computed."""
    (graph,) = model.subgraphs
    tensor = graph.tensors[index]
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.type != schema().TensorType.FLOAT32:
        return None
    return np.frombuffer(data, np.float32).reshape(tensor.shape)


def set_constant(model: Any, operator: Any, place: int, values: np.ndarray) -> None:
    """Replaces the constant at a place of an operator's inputs by other values.

    Other operators that read the same constant keep the old values.
    """
    (graph,) = model.subgraphs
    index = operator.inputs[place]
    tensor = graph.tensors[index]
    readers = sum(list(one.inputs).count(index) for one in graph.operators)
    if readers > 1 or sum(one.buffer == tensor.buffer for one in graph.tensors) > 1:
        tensor = copy.copy(tensor)
        tensor.name = b"constant_%d" % len(graph.tensors)
        tensor.buffer = add_buffer(model, b"")
        operator.inputs = [*operator.inputs]
        operator.inputs[place] = len(graph.tensors)
        graph.tensors.append(tensor)
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)


def pack(model: Any) -> bytes:
    """Returns the `.tflite` file of a ModelT."""
    builder = _AlignedBuilder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def append(model: Any, following: Any) -> None:
    """Appends a second model. Its inputs read the outputs of the same names of the first.

    Args:
        model: the first ModelT, which changes.
        following: the second ModelT, which cannot be used afterwards.
    """
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    (added,), (added_signature,) = following.subgraphs, following.signatureDefs
    sources, inputs = _indices(signature.outputs), _indices(added_signature.inputs)
    new_index = {inputs[name]: sources[name] for name in inputs}
    first_buffer, first_code = len(model.buffers), len(model.operatorCodes)
    for old_index, tensor in enumerate(added.tensors):
        if old_index not in new_index:
            new_index[old_index] = len(graph.tensors)
            tensor.buffer += first_buffer
            graph.tensors.append(tensor)
    for operator in added.operators:
        operator.opcodeIndex += first_code
        operator.inputs = [new_index.get(index, -1) for index in operator.inputs]  # -1: left out
        operator.outputs = [new_index[index] for index in operator.outputs]
        graph.operators.append(operator)
    model.buffers += following.buffers
    model.operatorCodes += following.operatorCodes
    graph.outputs = [new_index[index] for index in added.outputs]
    signature.outputs = added_signature.outputs
    for entry in signature.outputs:
        entry.tensorIndex = new_index[entry.tensorIndex]


def put_int8_first(model: Any) -> None:
    """Moves all operators that do not depend on a DEQUANTIZE before those that do.

    Both keep their order. The Edge TPU's compiler takes the operators up to the first that it does
    not know, which is a DEQUANTIZE.
    """
    (graph,) = model.subgraphs
    dequantize = {id(operator) for operator in operators(model, "DEQUANTIZE")}
    first, following, dependent = [], [], set()
    for operator in graph.operators:
        if id(operator) in dequantize or not dependent.isdisjoint(operator.inputs):
            dependent.update(operator.outputs)
            following.append(operator)
        else:
            first.append(operator)
    graph.operators = first + following


def add_buffer(model: Any, data: np.ndarray | bytes) -> int:
    """Adds the bytes to the model's buffers and returns their index."""
    data = np.frombuffer(data if isinstance(data, bytes) else data.tobytes(), np.uint8)
    model.buffers.append(schema().BufferT(data=data))
    return len(model.buffers) - 1


class _AlignedBuilder(flatbuffers.Builder):
    """Starts each vector at a multiple of 16 bytes, which the schema requires for constants.

    The generated Python classes do not, and some processors need it.
    """

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:
        return super().StartVector(elemSize, numElems, max(alignment, 16))


def read(content: bytes) -> Any:
    """Returns the ModelT of a `.tflite` file."""
    model = schema().ModelT.InitFromPackedBuf(content, 0)
    for buffer in model.buffers:
        if buffer.offset:  # ai-edge-quantizer writes the constants after the graph
            data = content[buffer.offset : buffer.offset + buffer.size]
            buffer.data, buffer.offset, buffer.size = np.frombuffer(data, np.uint8), 0, 0
    return model


def schema() -> Any:
    """Returns the classes of TensorFlow Lite's schema."""
    from tensorflow.lite.python import schema_py_generated

    return schema_py_generated


def _indices(entries):
    """Returns the indices of a signature's tensors, by the names of its inputs or outputs."""
    return {entry.name.decode(): entry.tensorIndex for entry in entries}
