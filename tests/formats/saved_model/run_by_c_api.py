"""Runs a SavedModel's signature by TensorFlow's C API, in a process without its Python package.

python run_by_c_api.py TENSORFLOW_FOLDER < request.pickle > outputs.pickle

The request: "folder" of the SavedModel; "input" and "outputs", names of tensors such as
"StatefulPartitionedCall:1"; and "values", a uint8 array or a list of bytes. The outputs: arrays.
"""

import ctypes
import pickle
import sys
from ctypes import Structure, c_char_p, c_int, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np

STRING = 7
TYPES = {1: np.float32, 3: np.int32, 4: np.uint8}
SIZE_OF_STRING = 24
RESULTS = {  # of the functions that return no pointer
    "TF_GetCode": c_int,
    "TF_Message": c_char_p,
    "TF_NumDims": c_int,
    "TF_Dim": c_int64,
    "TF_TensorType": c_int,
    "TF_StringGetSize": c_size_t,
}


class Output(Structure):
    _fields_ = (("operation", c_void_p), ("index", c_int))


def load_library(folder: Path):
    """The C API's functions, by their names without "TF_"."""
    framework = ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"), ctypes.RTLD_GLOBAL)

    def function(name):
        name = f"TF_{name}"
        found = getattr(library if hasattr(library, name) else framework, name)
        found.restype = RESULTS.get(name, c_void_p)
        return found

    return function


def main():
    tf = load_library(Path(sys.argv[1]))
    request = pickle.load(sys.stdin.buffer)
    status, graph = c_void_p(tf("NewStatus")()), c_void_p(tf("NewGraph")())

    def check():
        if tf("GetCode")(status):
            raise RuntimeError(tf("Message")(status).decode())

    tags = (c_char_p * 1)(b"serve")
    folder, options = request["folder"].encode(), c_void_p(tf("NewSessionOptions")())
    load = tf("LoadSessionFromSavedModel")
    session = c_void_p(load(options, None, folder, tags, 1, graph, None, status))
    check()

    def output(name):
        operation, _, index = name.partition(":")
        return Output(tf("GraphOperationByName")(graph, operation.encode()), int(index))

    names = request["outputs"]
    inputs = (Output * 1)(output(request["input"]))
    outputs = (Output * len(names))(*map(output, names))
    given = (c_void_p * 1)(to_tensor(tf, request["values"]))
    found = (c_void_p * len(names))()
    results = (outputs, found, len(names))
    tf("SessionRun")(session, None, inputs, given, 1, *results, None, 0, None, status)
    check()
    pickle.dump([to_array(tf, c_void_p(tensor)) for tensor in found], sys.stdout.buffer)
    assert not {"tensorflow", "keras", "keras_ssd"} & set(sys.modules)


def to_tensor(tf, values):
    if isinstance(values, np.ndarray):
        kind, shape, size = 4, values.shape, values.nbytes
    else:
        kind, shape, size = STRING, (len(values),), SIZE_OF_STRING * len(values)
    dims = (c_int64 * len(shape))(*shape)
    tensor = tf("AllocateTensor")(kind, dims, len(shape), c_size_t(size))
    data = tf("TensorData")(c_void_p(tensor))
    if kind == STRING:
        for index, value in enumerate(values):
            place = c_void_p(data + SIZE_OF_STRING * index)
            tf("StringInit")(place)
            tf("StringCopy")(place, value, c_size_t(len(value)))
    else:
        ctypes.memmove(data, np.ascontiguousarray(values).ctypes.data, size)
    return tensor


def to_array(tf, tensor):
    shape = [tf("Dim")(tensor, axis) for axis in range(tf("NumDims")(tensor))]
    kind, data = tf("TensorType")(tensor), tf("TensorData")(tensor)
    count = int(np.prod(shape))
    if kind == STRING:
        places = [c_void_p(data + SIZE_OF_STRING * index) for index in range(count)]
        strings = [
            ctypes.string_at(tf("StringGetDataPointer")(place), tf("StringGetSize")(place))
            for place in places
        ]
        return np.array(strings, object).reshape(shape)
    raw = ctypes.string_at(data, count * np.dtype(TYPES[kind]).itemsize)
    return np.frombuffer(raw, TYPES[kind]).reshape(shape)


if __name__ == "__main__":
    main()
