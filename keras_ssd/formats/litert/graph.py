"""Reads the graph of a `.tflite` file as Python objects, changes it, and writes it again."""

from collections.abc import Iterable
from typing import Any

import flatbuffers
import numpy as np


def unpack(content: bytes, outputs: Iterable[str]) -> Any:
    """Reads a `.tflite` file as a ModelT of TensorFlow's schema, and orders and names its outputs.

    Args:
        content: the bytes of the file, which has one signature with the outputs of these names.
        outputs: the names of the outputs, in the order that they shall have.
    """
    model = _read(content)
    (graph,), (signature,) = model.subgraphs, model.signatureDefs
    for entry in (*signature.inputs, *signature.outputs):
        graph.tensors[entry.tensorIndex].name = entry.name
    indices = _indices(signature.outputs)
    graph.outputs = [indices[name] for name in outputs]
    return model


def with_input_range(content: bytes, low: float, high: float) -> bytes:
    """The calibrated `.tflite` file, with the int8 scale of its one input set to this range."""
    model = _read(content)
    (graph,) = model.subgraphs
    (index,) = graph.inputs
    quantization = graph.tensors[index].quantization
    quantization.min, quantization.max = [low], [high]
    return pack(model)


def pointwise_heads(content: bytes) -> list[str]:
    """The names, in an SSD's `.tflite` file, of the heads' 1x1 convolutions and of their join.

    The list is empty if a head has a larger convolution.
    """
    schema, model = _schema(), _read(content)
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


def pack(model: Any) -> bytes:
    """The bytes of the `.tflite` file of a ModelT."""
    builder = _AlignedBuilder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def append(model: Any, following: Any) -> None:
    """Connects the outputs of a model to the inputs of another, by their names in the signatures.

    Args:
        model: the first ModelT, which becomes the whole.
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
        operator.inputs = [new_index.get(index, -1) for index in operator.inputs]  # -1: none
        operator.outputs = [new_index[index] for index in operator.outputs]
        graph.operators.append(operator)
    model.buffers += following.buffers
    model.operatorCodes += following.operatorCodes
    graph.outputs = [new_index[index] for index in added.outputs]
    signature.outputs = added_signature.outputs
    for entry in signature.outputs:
        entry.tensorIndex = new_index[entry.tensorIndex]


def add_buffer(model: Any, data: np.ndarray | bytes) -> int:
    """Adds the bytes to the model's buffers and returns their index."""
    data = np.frombuffer(data if isinstance(data, bytes) else data.tobytes(), np.uint8)
    model.buffers.append(_schema().BufferT(data=data))
    return len(model.buffers) - 1


class _AlignedBuilder(flatbuffers.Builder):
    """Starts each vector at a multiple of 16 bytes, as the schema requires for constant tensors.

    The Python classes that were generated from the schema do not; some processors need it.
    """

    def StartVector(self, elemSize, numElems, alignment):
        return super().StartVector(elemSize, numElems, max(alignment, 16))


def _read(content):
    return _schema().ModelT.InitFromPackedBuf(content, 0)


def _schema():
    from tensorflow.lite.python import schema_py_generated

    return schema_py_generated


def _indices(entries):
    """The indices of the tensors of a signature's inputs or outputs, by name."""
    return {entry.name.decode(): entry.tensorIndex for entry in entries}
