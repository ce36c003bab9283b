import copyreg
import io
import os
import pickle
import time
import tracemalloc
from collections import Counter, OrderedDict
from pathlib import Path

import numpy as np
import pytest

from keras_ssd.checkpoints.torch_pickle import Storage, Tensor, UnsafeCheckpointError, read_pickle


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
    "one key for two sizes": entries(a=storage(size=3), b=storage(size=4)),
    "one key for two dtypes": entries(a=storage(), b=storage("torch LongStorage")),
}


@pytest.fixture
def extension_code():
    """Makes EXT stand for eval: such codes bypass `Unpickler.find_class`."""
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


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (25,), (1,)),
        (1, (24,), (1,)),
        (24, (), ()),
        (0, (4, 6), (7, 1)),
        (0, (2,), (24,)),
        (0, (2,), (2**62,)),
        (2**70, (1,), (1,)),
        (-1, (4,), (1,)),
        (0, (-4,), (1,)),
        (23, (24,), (-1,)),
        (0, (10**9,), (0,)),  # would take a thousand times the file's memory
        (0, (25,), (0,)),
        (0, (4.0,), (1,)),
        (0, ("4",), (1,)),
        (None, (4,), (1,)),
        (0, (4,), (1, 1)),
        (0, [4], [1]),
        (0, (1,) * 33, (1,) * 33),
        (0, (0, -1), (1, 1)),
    ],
)
def test_a_tensor_that_is_not_within_its_storage_is_refused(offset, shape, strides):
    with pytest.raises(UnsafeCheckpointError):
        read(tensor(offset, shape, strides))


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (4, 6), (6, 1)),
        (0, (24,), (1,)),
        (23, (), ()),
        (23, (1,), (2**62,)),  # one element: its stride is never taken
        (3, (3, 2), (1, 12)),
        (24, (0,), (1,)),
        (0, (0, 512), (512, 1)),
    ],
)
def test_a_tensor_within_its_storage_is_described(offset, shape, strides):
    expected = Storage("0", "float32", 24)
    value, storages = read(tensor(offset, shape, strides))
    assert value == Tensor(expected, offset, shape, strides)
    assert storages == {"0": expected}


def test_tensors_of_old_and_of_python_2_pickles_are_read():
    old = call("torch._utils _rebuild_tensor", storage(), plain(0), plain((2,)), plain((1,)))
    python2_name = b"U\x01a"  # SHORT_BINSTRING
    pairs = b"](](" + python2_name + old + b"e](" + plain("b") + plain(1) + b"ee"
    value, _ = read(call("collections OrderedDict", pairs))
    assert value == {"a": Tensor(Storage("0", "float32", 24), 0, (2,), (1,)), "b": 1}


def test_a_parameter_is_its_tensor():
    operations = call("torch._utils _rebuild_parameter", tensor(), b"\x88", b"}")
    assert read(operations)[0] == read(tensor())[0]


def test_plain_data_is_read_and_attributes_are_dropped():
    data = {"a": None, "b": [True, False, 1, -1, 300, 2**40, 1.5], 3: ("x", (), (1, 2, 3, 4), {})}
    assert read(plain(data))[0] == data
    dictionary = OrderedDict(a=1)
    dictionary._metadata = {"version": 1}
    value, _ = read(plain({"d": dictionary, "milestones": Counter([80, 110, 110])}))
    assert value == {"d": {"a": 1}, "milestones": {80: 1, 110: 2}}
    assert type(value["d"]) is dict


def test_reading_stops_behind_the_pickle():
    file = io.BytesIO(pickle.dumps(1, protocol=2) + pickle.dumps("a", protocol=4) + b"rest")
    assert read_pickle(file)[0] == 1
    assert read_pickle(file)[0] == "a"
    assert file.read() == b"rest"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_cut_off_pickle_is_an_error(protocol):
    whole = pickle.dumps({"a": [1, (2.5, "b" * 300)], "d": OrderedDict(x=1)}, protocol=protocol)
    assert read_pickle(io.BytesIO(whole))[0]["d"] == {"x": 1}
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"exhausted|not enough|expected .* bytes|no newline"):
            read_pickle(io.BytesIO(whole[:length]))


@pytest.mark.parametrize("operations", [b"", b"h\x09", b"t", b"a", b"R", b"s", b"}(Nu", b"("])
def test_a_pickle_that_takes_what_is_not_there_is_an_error(operations):
    with pytest.raises(ValueError, match=r"takes what|would change|in a way|zip\(\)|refers"):
        read(operations)


def test_a_huge_memo_number_takes_no_memory():
    tracemalloc.start()
    try:
        assert read(b"Nr\xff\xff\xff\x7fj\xff\xff\xff\x7f\x86")[0] == (None, None)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000  # Python's own takes gigabytes
    finally:
        tracemalloc.stop()


def test_deep_nesting_and_circles_do_no_harm():
    depth = 100_000
    value, _ = read(b"]" * depth + b"a" * (depth - 1))
    assert isinstance(value, list)
    circle, _ = read(b"]q\x00h\x00a")
    assert circle[0] is circle


def test_a_pickle_of_too_many_operations_is_refused_soon():
    start = time.monotonic()
    with pytest.raises(UnsafeCheckpointError, match="more than 1000000 operations"):
        read(b"]" * 3_000_000)
    assert time.monotonic() - start < 60


def test_the_message_names_what_was_asked_for_in_plain_ascii():
    with pytest.raises(UnsafeCheckpointError, match=r"'posix\.system'.*load it with PyTorch"):
        read(LIVE["os.system"])
    with pytest.raises(UnsafeCheckpointError, match=r"^it asks for 'a\\x1b\[2Jb\.c'"):
        read(b"ca\x1b[2Jb\nc\n")
