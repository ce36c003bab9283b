"""Hostile pickles in checkpoints; hostile files are in test_hostile_torch.py."""

import copyreg
import io
import os
import pickle
import pickletools
from collections import OrderedDict
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.checkpoints.torch_unpickler import (
    UnsafeCheckpointError,
    read_pickle,
)


def plain(value):
    """The operations that push a value."""
    return pickle.dumps(value, protocol=2)[2:-1]


def call(function, *arguments):
    """A call of "module name"; arguments are operations."""
    return named(function) + b"(" + b"".join(arguments) + b"tR"


def named(function):
    return b"c" + function.replace(" ", "\n").encode() + b"\n"


def storage(dtype="torch FloatStorage", key="0", size=24, kind="storage"):
    return b"(" + plain(kind) + named(dtype) + plain(key) + plain("cpu") + plain(size) + b"tQ"


def tensor(offset=0, shape=(4, 6), strides=(6, 1), numbers=None):
    numbers = storage() if numbers is None else numbers
    arguments = (numbers, plain(offset), plain(shape), plain(strides))
    return call(
        "torch._utils _rebuild_tensor_v2", *arguments, b"\x89", call("collections OrderedDict")
    )


def entries(**values):
    """A dictionary of operations."""
    items = b"".join(plain(key) + value for key, value in values.items())
    return b"}(" + items + b"u"


def read(operations):
    return read_pickle(io.BytesIO(b"\x80\x02" + operations + b"."))


class Reduces:
    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


TOUCH = "touch canary"
OPEN = "open('canary', 'w').close()"
# These do harm where Python's own unpickler reads them.
LIVE = {
    "os.system": plain(Reduces(os.system, (TOUCH,))),
    "eval": plain(Reduces(eval, (OPEN,))),
    "exec": plain(Reduces(exec, (OPEN,))),
    "Python 2's names": named("__builtin__ eval") + plain((OPEN,)) + b"R",
    "open": plain(Reduces(open, ("canary", "w"))),
    "pathlib": plain(Reduces(Path.touch, (Path("canary"),))),
    "nested in data": plain({"epoch": [1, (2, {"w": Reduces(os.system, (TOUCH,))})]}),
    "as attributes": plain(Reduces(OrderedDict, (), {"_metadata": Reduces(os.system, (TOUCH,))})),
    "as a key": b"}" + plain(Reduces(os.system, (TOUCH,))) + b"Ns",
    "result dropped": plain(Reduces(os.system, (TOUCH,))) + b"0" + plain({}),
    "a list's items": plain(Reduces(list, (), None, iter([Reduces(os.system, (TOUCH,))]))),
    "numpy objects": plain(np.array([Reduces(os.system, (TOUCH,))], dtype=object)),
    "getattr": plain(Reduces(getattr, (Reduces(__import__, ("os",)), "system")))
    + plain((TOUCH,))
    + b"R",
    "STACK_GLOBAL": b"\x8c\x08builtins\x8c\x04eval\x93" + plain((OPEN,)) + b"R",
    "STACK_GLOBAL of memos": b"\x8c\x04evalq\x050\x8c\x08builtinsq\x060h\x06h\x05\x93"
    + plain((OPEN,))
    + b"R",
    "function from a memo": named("builtins eval") + b"q\x070h\x07" + plain((OPEN,)) + b"R",
    "INST": b"(V" + OPEN.encode() + b"\nibuiltins\neval\n",
    "OBJ": b"(" + named("builtins eval") + b"V" + OPEN.encode() + b"\no",
    "protocol 0": pickle.dumps(Reduces(os.system, (TOUCH,)), protocol=0)[:-1],
    "EXT1": b"\x82\xf0" + plain((OPEN,)) + b"R",
    "EXT2": b"\x83\xf0\x00" + plain((OPEN,)) + b"R",
    "EXT4": b"\x84\xf0\x00\x00\x00" + plain((OPEN,)) + b"R",
    "copyreg": plain(Reduces(copyreg._reconstructor, (Path, object, None)))
    + b"0"
    + plain(Reduces(os.system, (TOUCH,))),
    "functools": plain(Reduces(partial(os.system, TOUCH), ())),
    "arguments of a stub": named("collections OrderedDict")
    + plain(([["a", Reduces(os.system, (TOUCH,))]],))
    + b"R",
    "state of a stub": plain(Reduces(OrderedDict, (), Reduces(eval, (OPEN,)))),
    "in a frame": pickle.dumps([0, Reduces(os.system, (TOUCH,))], protocol=4)[2:-1],
}
HARMLESS_BUT_REFUSED = {
    "any class": named("builtins object"),
    "NEWOBJ of any class": named("builtins object") + b")\x81",
    "NEWOBJ_EX": named("collections OrderedDict") + b")}\x92",
    "numpy array": plain(np.arange(3)),
    "numpy number": plain(np.float64(1)),
    "set": plain({1, 2}),
    "bytes": b"C\x01a",
    "complex": plain(1j),
    "dotted path to an allowed name": named("torch serialization._rebuild_tensor_v2"),
    "other function of torch": named("torch.hub load"),
    "name with a dot that adds up to an allowed one": named("torch _utils._rebuild_tensor_v2"),
    "module without a name": named("torch._utils._rebuild_tensor_v2 "),
    "rest of an allowed name": named("torch._utils _rebuild_tensor_v2.__globals__"),
    "storage called": call("torch FloatStorage", plain(10**15)),
    "number called": plain(1) + b")R",
    "result called": tensor() + b")R",
    "function as arguments": named("collections OrderedDict") + named("argparse Namespace") + b"R",
    "OrderedDict of a tensor": call("collections OrderedDict", tensor()),
    "OrderedDict of a tuple": call("collections OrderedDict", plain([("a", "b", "c")])),
    "parameter of a string": call("torch._utils _rebuild_parameter", plain("a"), b"\x89", b"}"),
    "attributes of a function": named("torch._utils _rebuild_tensor_v2") + b"}b",
    "attributes of a class": named("collections OrderedDict") + b"}b",
    "attributes of a tensor": tensor() + b"}b",
    "attributes of a number": plain(1) + b"}b",
    "slots of a class": named("argparse Namespace") + plain((None, {"__init__": 1})) + b"b",
    "slots of a function": named("torch._utils _rebuild_tensor") + b"N}\x86b",
    "attributes of a storage class": named("torch FloatStorage") + plain({"dtype": "int8"}) + b"b",
    "state by __reduce_ex__": named("copyreg __reduce_ex__") + b")R",
    "text encoded": named("_codecs encode") + plain(("a", "latin1")) + b"R",
    "bytearray": named("builtins bytearray") + plain((10**12,)) + b"R",
    "range": named("builtins range") + plain((10**12,)) + b"R",
    "too few arguments": call("torch._utils _rebuild_tensor_v2"),
    "a million arguments": named("argparse Namespace") + b"(" + b"N" * 900_000 + b"tR",
    "arguments that are no tuple": named("argparse Namespace") + plain(1) + b"R",
    "arguments that are letters": named("collections Counter") + plain("a") + b"R",
    "NEWOBJ of a string": plain("a") + b")\x81",
    "Counter of a list": call("collections Counter", b"]"),
    "item of a tensor": tensor() + b"NNs",
    "append to a tensor": tensor() + b"Na",
    "STACK_GLOBAL of no names": b"K\x01K\x02\x93",
    "key that takes forever to hash": b"})" + b"2\x86" * 99 + b"Ns",
    "tuple key": b"}" + plain((1, (2, 3))) + b"Ns",
    "long key": b"}" + plain(2**64) + b"Ns",
    "LONG4": plain(2**4000),
    "text number": b"I1\n",
    "PERSID": b"P0\n",
    "persistent module": plain(("module", "a", "b", "c")) + b"Q",
    "persistent string": plain("0") + b"Q",
    "storage of a function": storage("torch._utils _rebuild_tensor"),
    "storage of negative size": storage(size=-1),
    "storage of no size": storage(size="4"),
    "storage without key": storage(key=0),
    "view of a storage": b"(" + storage()[1:-2] + plain(("1", 0, 4)) + b"tQ",
    "storage of too many items": b"(" + storage()[1:-2] + b"NNtQ",
    "PERSID of a stub": named("torch FloatStorage") + b"Q",
    "one key for two sizes": entries(a=storage(size=3), b=storage(size=4)),
    "one key for two dtypes": entries(a=storage(), b=storage("torch LongStorage")),
}


@pytest.fixture
def extension_code():
    """Makes EXT a code for eval; such codes bypass `Unpickler.find_class`."""
    copyreg.add_extension("builtins", "eval", 0xF0)
    yield
    copyreg.remove_extension("builtins", "eval", 0xF0)


@pytest.mark.parametrize("operations", LIVE.values(), ids=LIVE)
def test_a_hostile_pickle_is_refused_before_anything_runs(
    operations, tmp_path, monkeypatch, extension_code
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsafeCheckpointError):
        read(entries(weight=tensor(), state=operations))
    with pytest.raises(UnsafeCheckpointError):
        read(operations)
    assert not Path("canary").exists()
    # and it was a danger
    opened = pickle.loads(b"\x80\x02" + operations + b".")
    if isinstance(opened, io.IOBase):
        opened.close()
    assert Path("canary").exists()


@pytest.mark.parametrize(
    "operations", HARMLESS_BUT_REFUSED.values(), ids=list(HARMLESS_BUT_REFUSED)
)
def test_what_tensors_do_not_need_is_refused(operations):
    with pytest.raises(UnsafeCheckpointError):
        read(operations)


ALLOWED = {
    *("PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1"),
    *("BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINSTRING"),
    *("SHORT_BINSTRING", "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "TUPLE", "EMPTY_LIST"),
    *("APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT"),
    *("MEMOIZE", "BINGET", "LONG_BINGET", "GLOBAL", "STACK_GLOBAL", "BINPERSID", "REDUCE"),
    *("NEWOBJ", "BUILD"),
}
OTHERS = [operation for operation in pickletools.opcodes if operation.name not in ALLOWED]


@pytest.mark.parametrize("operation", OTHERS, ids=lambda operation: operation.name)
def test_an_operation_that_no_tensor_needs_is_refused_by_name(operation):
    arguments = b"\x00\x00\x00\x00\n\x00\x00\n"
    with pytest.raises(UnsafeCheckpointError, match=f"its pickle uses {operation.name}, which"):
        read(b"N)}q\x00(" + operation.code.encode("latin1") + arguments)


def test_the_message_names_what_was_asked_for_in_plain_ascii():
    with pytest.raises(UnsafeCheckpointError, match=r"'posix\.system'.*load it with PyTorch"):
        read(LIVE["os.system"])
    with pytest.raises(UnsafeCheckpointError, match=r"^it asks for 'a\\x1b\[2Jb\.c'"):
        read(b"ca\x1b[2Jb\nc\n")
