import io
import pickle
import pickletools
import time
import tracemalloc
from collections import Counter, OrderedDict

import pytest

from keras_ssd.checkpoints.torch_unpickler import (
    Storage,
    Tensor,
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


def read(operations):
    return read_pickle(io.BytesIO(b"\x80\x02" + operations + b"."))


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
        with pytest.raises(ValueError, match="its pickle is cut off or damaged"):
            read_pickle(io.BytesIO(whole[:length]))


@pytest.mark.parametrize("operations", [b"", b"h\x09", b"t", b"a", b"R", b"s", b"}(Nu", b"("])
def test_a_pickle_that_takes_what_is_not_there_is_an_error(operations):
    with pytest.raises(ValueError, match=r"cut off or damaged|zip\(\)"):
        read(operations)


def test_a_huge_memo_number_takes_no_memory():
    tracemalloc.start()
    try:
        assert read(b"Nr\xff\xff\xff\x7fj\xff\xff\xff\x7f\x86")[0] == (None, None)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000  # Python's own takes gigabytes
    finally:
        tracemalloc.stop()


def test_bytes_that_are_no_operation_are_damage():
    for code in set(range(256)) - {ord(operation.code) for operation in pickletools.opcodes}:
        with pytest.raises(ValueError, match=f"damaged \\({code:#04x} is not an operation"):
            read(bytes([code]))


def test_the_state_of_a_dictionary_is_dropped_whatever_it_is():
    hostile = {"__setstate__": 1, "__class__": 2, "items": 3}
    for state in (plain(hostile), plain((None, hostile)), plain(3), b"N"):
        value, _ = read(call("collections OrderedDict") + state + b"b")
        assert value == {}
        assert type(value) is dict


@pytest.mark.parametrize(
    "operations",
    [
        b"X\xff\xff\xff\xffabc",  # BINUNICODE
        b"T\xff\xff\xff\x7fabc",  # BINSTRING
        b"T\xff\xff\xff\xffabc",
        b"\x8a\xffabc",  # LONG1
        b"\x95" + b"\xff" * 7 + b"\x7fabc",  # FRAME
        b"\x95" + b"\xff" * 8 + b"abc",
        b"\x8d" + b"\xff" * 7 + b"\x7fabc",  # BINUNICODE8
        b"B\xff\xff\xff\xffabc",  # BINBYTES
        b"\x8e" + b"\xff" * 7 + b"\x7fabc",  # BINBYTES8
        b"\x96" + b"\xff" * 7 + b"\x7fabc",  # BYTEARRAY8
        b"\x8b\xff\xff\xff\x7fabc",  # LONG4
        b"L" + b"9" * 100_000 + b"\n",
        b"I" + b"9" * 100_000 + b"\n",
    ],
)
def test_a_length_beyond_the_file_takes_no_memory(operations):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="its pickle"):
            read(operations)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


LONG_LIST = b"](" + b"".join(b"](" + plain(str(i)) + b"Ne" for i in range(500)) + b"e"
COUNT = 20_000


@pytest.mark.parametrize(
    "operations",
    [
        b"]" * COUNT,
        b"}" * COUNT,
        b"(" * COUNT,
        b")\x85" * COUNT,
        b"N\x86" * COUNT,
        b"N" * COUNT + b"".join(b"r" + i.to_bytes(4, "little") for i in range(0, 2**31, 2**18)),
        b"N\x94" * COUNT,
        b"\x8a\xff" + b"\x7f" * 255,
        b"".join(storage(key=str(i)) for i in range(COUNT // 8)),
        tensor() * (COUNT // 40),
        # a list of pairs in the memo, made into a dictionary again and again
        LONG_LIST
        + b"q\x01"
        + named("collections OrderedDict")
        + b"q\x02"
        + b"h\x02h\x01\x85R" * 2000,
        # a long tuple in the memo, given as arguments again and again
        b"(" + b"N" * COUNT + b"tq\x01" + (named("argparse Namespace") + b"h\x010") * 9,
    ],
    ids=lambda operations: str(operations[:12]),
)
def test_memory_and_time_stay_in_proportion_to_the_number_of_operations(operations):
    start = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="its pickle"):
            read(operations + b"\xff")
        assert tracemalloc.get_traced_memory()[1] < 500 * len(operations) + 100_000
    finally:
        tracemalloc.stop()
    assert time.monotonic() - start < 10


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
