"""A restricted Unpickler for the pickles in PyTorch checkpoints.

A pickle is a program that may import any function and call it. This Unpickler does not import
anything: it has stubs for the few names that a state dict needs, and refuses all other names. It is
derived from the version of Python's Unpickler that is written in Python, where the operations can
be restricted too. The version in C resolves extension codes without `find_class`, reserves
gigabytes for a large memo number, and computes the hash of any dictionary key, which can take
forever.
"""

import io
import math
import pickle
import pickletools
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

_MAX_OPERATIONS = 1_000_000  # a state dict has about 40 for each tensor
_MAX_DIMENSIONS = 32


class UnsafeCheckpointError(ValueError):
    """A checkpoint asks for something that tensors and plain data do not need; nothing was run."""


@dataclass(frozen=True)
class StorageType:
    """The stub for one of PyTorch's storage classes; `dtype` is the dtype of its numbers."""

    dtype: str


@dataclass(frozen=True)
class Storage:
    """`size` numbers of one dtype ("float32", "bfloat16", ...), found in the file by `key`."""

    key: str
    dtype: str
    size: int


@dataclass(frozen=True)
class Tensor:
    """A view within its storage; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_pickle(file: io.BytesIO) -> tuple[object, dict[str, Storage]]:
    """Reads the pickle that begins at the file's position, and stops at its end.

    Returns:
        The object, made of None, bool, int, float, str, tuple, list, dict, `Tensor`, `Storage` and
        stubs; and all storages that the pickle mentions, by key.

    Raises:
        UnsafeCheckpointError: the pickle asks for anything else.
        ValueError: the pickle is damaged or cut off.
    """
    unpickler = _Unpickler(file)
    try:
        return unpickler.load(), unpickler.storages
    except UnsafeCheckpointError:
        raise
    except (ValueError, EOFError, IndexError, struct.error, pickle.UnpicklingError) as error:
        reason = str(error) or "it ends too early"
        raise ValueError(f"its pickle is cut off or damaged ({reason})") from error
    except (TypeError, AttributeError) as error:  # for example, it calls a number
        raise UnsafeCheckpointError(f"its pickle does what no tensor needs ({error})") from error


def _rebuild_tensor(storage, offset, shape, strides):
    match storage, shape, strides:
        case Storage(), tuple(), tuple() if len(shape) == len(strides) <= _MAX_DIMENSIONS:
            numbers = (offset, *shape, *strides)
        case _:
            raise UnsafeCheckpointError("its pickle builds a tensor of something else than numbers")
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise UnsafeCheckpointError("a tensor's offset, shape and strides must be whole numbers")
    reach = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    within = offset + reach < storage.size and math.prod(shape) <= storage.size
    if not within and 0 not in shape:
        raise UnsafeCheckpointError(
            f"a tensor reaches beyond the {storage.size} numbers of its storage"
        )
    return Tensor(storage, offset, shape, strides)


def _rebuild_tensor_v2(storage, offset, shape, strides, _requires_grad, _hooks):
    return _rebuild_tensor(storage, offset, shape, strides)


def _rebuild_parameter(tensor, _requires_grad, _hooks):
    if not isinstance(tensor, Tensor):
        raise UnsafeCheckpointError("its pickle makes a parameter of something else than a tensor")
    return tensor


def _ordered_dict(pairs=()):
    """Replaces OrderedDict; Python 2 passed the items to the call, as a list of lists."""
    if pairs != () and not isinstance(pairs, list):
        raise UnsafeCheckpointError("its pickle makes a dictionary of something else than a list")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise UnsafeCheckpointError("its pickle makes a dictionary of something else than pairs")
    items = _with_items({}, pairs)
    if pairs:
        pairs.clear()  # so that a million calls with the same long list do not take all memory
    return items


def _counter(counts):
    if not isinstance(counts, dict):
        raise UnsafeCheckpointError(
            "its pickle makes a counter of something else than a dictionary"
        )
    return counts


def _namespace():
    return {}


_STUBS = {
    "torch.DoubleStorage": StorageType("float64"),
    "torch.FloatStorage": StorageType("float32"),
    "torch.HalfStorage": StorageType("float16"),
    "torch.BFloat16Storage": StorageType("bfloat16"),
    "torch.LongStorage": StorageType("int64"),
    "torch.IntStorage": StorageType("int32"),
    "torch.ShortStorage": StorageType("int16"),
    "torch.CharStorage": StorageType("int8"),
    "torch.ByteStorage": StorageType("uint8"),
    "torch.BoolStorage": StorageType("bool"),
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor_v2,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "collections.OrderedDict": _ordered_dict,
    # Training scripts also save options and the steps of a schedule.
    "collections.Counter": _counter,
    "argparse.Namespace": _namespace,
}


def _with_items(dictionary: object, items: Iterable[tuple]) -> dict:
    if not isinstance(dictionary, dict):
        raise UnsafeCheckpointError(f"its pickle sets an item of a {type(dictionary).__name__}")
    for key, value in items:
        # The hash of nested tuples can take forever, and long integers can be made to collide.
        if not isinstance(key, str) and not (isinstance(key, int) and abs(key) < 2**63):
            raise UnsafeCheckpointError(f"a dictionary key is a {type(key).__name__}")
        dictionary[key] = value
    return dictionary


class _Operations(dict):
    """The allowed operations by opcode; look-ups are counted."""

    count = 0

    def __getitem__(self, opcode):
        self.count += 1
        if self.count > _MAX_OPERATIONS:
            raise UnsafeCheckpointError(f"its pickle has more than {_MAX_OPERATIONS} operations")
        return super().__getitem__(opcode)

    def __missing__(self, opcode):
        known = pickletools.code2op.get(chr(opcode))
        if known is None:
            raise ValueError(f"{opcode:#04x} is not an operation")
        raise UnsafeCheckpointError(f"its pickle uses {known.name}, which no tensor needs")


class _Unpickler(pickle._Unpickler):
    def __init__(self, file: io.BytesIO):
        super().__init__(file, encoding="latin1")
        self.storages: dict[str, Storage] = {}
        self.dispatch = _Operations(_ALLOWED)  # type: ignore[misc]

    def find_class(self, module: str, name: str) -> Any:
        # A dot within the name would mean an attribute, which none of the stubs needs.
        stub = None if "." in name else _STUBS.get(f"{module}.{name}")
        if stub is None:
            raise UnsafeCheckpointError(
                f"it asks for {f'{module}.{name}'[:100]!a}, which tensors do not need. If you "
                "trust its origin, load it with PyTorch and save model.state_dict()"
            )
        return stub

    def persistent_load(self, pid: Any) -> Storage:
        match pid:
            # PyTorch before 0.4 wrote a view as the sixth item, always None.
            case ("storage", StorageType(dtype), str(key), _device, int(size), *view) if (
                size >= 0 and view in ([], [None])
            ):
                storage = Storage(key, dtype, size)
            case _:
                raise UnsafeCheckpointError("its pickle refers to something that is not a storage")
        if self.storages.setdefault(key, storage) != storage:
            raise UnsafeCheckpointError(f"two storages share the key {key[:100]!a}")
        return storage

    def load_global(self):
        lines = self.readline(), self.readline()
        if not all(line.endswith(b"\n") for line in lines):
            raise EOFError("it ends within a name")
        self.append(self.find_class(*(line[:-1].decode() for line in lines)))

    def load_stack_global(self):
        if not all(isinstance(name, str) for name in self.stack[-2:]):
            raise UnsafeCheckpointError("its pickle names a function by something else than text")
        super().load_stack_global()

    def load_build(self):
        """Drops the attributes, such as a state dict's `_metadata`."""
        self.stack.pop()
        _with_items(self.stack[-1], ())

    def load_setitem(self):
        value, key = self.stack.pop(), self.stack.pop()
        _with_items(self.stack[-1], [(key, value)])

    def load_setitems(self):
        items = self.pop_mark()
        _with_items(self.stack[-1], zip(items[::2], items[1::2], strict=True))


_UNCHANGED = (
    *(pickle.PROTO, pickle.FRAME, pickle.STOP, pickle.MARK, pickle.REDUCE),
    *(pickle.NONE, pickle.NEWTRUE, pickle.NEWFALSE, pickle.BINFLOAT),
    *(pickle.BININT, pickle.BININT1, pickle.BININT2, pickle.LONG1),
    *(pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINSTRING, pickle.SHORT_BINSTRING),
    *(pickle.EMPTY_TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3, pickle.TUPLE),
    *(pickle.EMPTY_LIST, pickle.APPEND, pickle.APPENDS, pickle.EMPTY_DICT, pickle.BINPERSID),
    *(pickle.BINPUT, pickle.LONG_BINPUT, pickle.MEMOIZE, pickle.BINGET, pickle.LONG_BINGET),
)
_ALLOWED: dict[int, Callable] = {
    **{opcode[0]: pickle._Unpickler.dispatch[opcode[0]] for opcode in _UNCHANGED},
    pickle.NEWOBJ[0]: pickle._Unpickler.dispatch[pickle.REDUCE[0]],  # stubs are functions
    pickle.GLOBAL[0]: _Unpickler.load_global,
    pickle.STACK_GLOBAL[0]: _Unpickler.load_stack_global,
    pickle.BUILD[0]: _Unpickler.load_build,
    pickle.SETITEM[0]: _Unpickler.load_setitem,
    pickle.SETITEMS[0]: _Unpickler.load_setitems,
}
