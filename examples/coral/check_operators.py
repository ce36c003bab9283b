"""Prints which operators of a .tflite file a Coral Edge TPU can take, by Coral's list.

python check_operators.py detector.tflite

It needs only ai-edge-litert. The compiler has the last word: it takes one run of operators from the
start of the file, and leaves all others to the CPU.
"""

import sys
from collections import Counter
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

# Source: https://coral.ai/docs/edgetpu/models-intro, "Supported operations".
LISTED = (
    "ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED "
    "L2_NORMALIZATION LOGISTIC LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE "
    "REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR "
    "RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SQUARED_DIFFERENCE SQUEEZE "
    "STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV"
)
SUPPORTED = set(LISTED.split())
NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
EIGHT_BITS = {schema.TensorType.INT8, schema.TensorType.UINT8}


def operators(content: bytes) -> list[tuple[str, bool]]:
    """Returns the name of each operator in order, and whether the Edge TPU can take it."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (graph,) = model.subgraphs
    found = []
    for operator in graph.operators:
        name = NAMES[model.operatorCodes[operator.opcodeIndex].builtinCode]
        tensors = [graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]]
        is_int = all(tensor.type in EIGHT_BITS for tensor in tensors)
        found.append((name, is_int and name in SUPPORTED))
    return found


def main() -> None:
    """Prints the operators that can run on the Edge TPU, and those that run on the CPU."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = Path(sys.argv[1])
    try:
        content = path.read_bytes()
    except OSError as error:
        sys.exit(f"{path}: {error.strerror}")
    if content[4:8] != b"TFL3":
        sys.exit(f"{path}: not a .tflite file")
    found = operators(content)
    can = [is_possible for _, is_possible in found]
    start = can.index(False) if False in can else len(can)
    for where, names in (("Edge TPU", found[:start]), ("CPU", found[start:])):
        counts = Counter(name for name, _ in names)
        listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        print(f"{where}, {len(names)} operators: {listed}")


if __name__ == "__main__":
    main()
