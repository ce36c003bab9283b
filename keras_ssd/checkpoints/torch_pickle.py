"""Reads the pickle inside a PyTorch checkpoint and runs nothing that it asks for.

A pickle is a program that may call any function. Python's own unpickler never sees this one: the
few operations that plain data and tensors need are interpreted here, and there are no others.
"""

import io
import math
import pickletools
from dataclasses import dataclass

# Storage classes, with the dtype of their numbers.
_DTYPES = {
    "torch DoubleStorage": "float64",
    "torch FloatStorage": "float32",
    "torch HalfStorage": "float16",
    "torch BFloat16Storage": "bfloat16",
    "torch LongStorage": "int64",
    "torch IntStorage": "int32",
    "torch ShortStorage": "int16",
    "torch CharStorage": "int8",
    "torch ByteStorage": "uint8",
    "torch BoolStorage": "bool",
}
# `_call` says what becomes of them. The last two stand beside the state dict in the checkpoints
# of training scripts (options, and the steps of a schedule).
_FUNCTIONS = (
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "collections OrderedDict",
    "collections Counter",
    "argparse Namespace",
)
_MAX_OPERATIONS = 1_000_000  # a state dict has about 40 a tensor
_MAX_DIMENSIONS = 32


class UnsafeCheckpointError(ValueError):
    """A checkpoint asks for what tensors and plain data do not need; nothing of it was run."""


@dataclass(frozen=True)
class Storage:
    """`size` numbers of one dtype ("float32", "bfloat16", ...), found elsewhere under `key`."""

    key: str
    dtype: str
    size: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage that lies within it; offset and strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class _Name:
    """Stands for the class or function of that name."""

    name: str


def read_pickle(file: io.BytesIO) -> tuple[object, dict[str, Storage]]:
    """Interprets the pickle that begins at the file's position, and stops behind it.

    Returns:
        The object, of None, bool, int, float, str, tuple, list, dict and `Tensor`; and by key
        all storages that the pickle speaks of.

    Raises:
        UnsafeCheckpointError: it asks for anything else.
        ValueError: it is damaged or cut off.
    """
    storages = {}
    try:
        return _interpret(file, storages), storages
    except (IndexError, KeyError) as error:
        raise ValueError("its pickle takes what it has not put there") from error


def _interpret(file, storages):
    stack, marks, memo = [], [], {}

    def pop_to_mark():
        start = marks.pop()
        items = stack[start:]
        del stack[start:]
        return items

    for count, (operation, argument, _) in enumerate(pickletools.genops(file)):
        if count == _MAX_OPERATIONS:
            raise UnsafeCheckpointError(f"its pickle has more than {_MAX_OPERATIONS} operations")
        match operation.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case "NONE":
                stack.append(None)
            case "NEWTRUE":
                stack.append(True)
            case "NEWFALSE":
                stack.append(False)
            case "BININT" | "BININT1" | "BININT2" | "LONG1" | "BINFLOAT":
                stack.append(argument)
            case "BINUNICODE" | "SHORT_BINUNICODE" | "BINSTRING" | "SHORT_BINSTRING":
                stack.append(argument)
            case "EMPTY_TUPLE":
                stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                length = int(operation.name[-1])
                stack[-length:] = [tuple(stack[-length:])]
            case "MARK":
                marks.append(len(stack))
            case "TUPLE":
                stack.append(tuple(pop_to_mark()))
            case "EMPTY_LIST":
                stack.append([])
            case "APPEND":
                item = stack.pop()
                _top(stack, list).append(item)
            case "APPENDS":
                items = pop_to_mark()
                _top(stack, list).extend(items)
            case "EMPTY_DICT":
                stack.append({})
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _set_items(_top(stack, dict), [(key, value)])
            case "SETITEMS":
                items = pop_to_mark()
                _set_items(_top(stack, dict), zip(items[::2], items[1::2], strict=True))
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_name(argument))
            case "STACK_GLOBAL":
                name, module = stack.pop(), stack.pop()
                stack.append(_name(f"{_text(module)} {_text(name)}"))
            case "BINPERSID":
                stack.append(_storage(stack.pop(), storages))
            case "REDUCE" | "NEWOBJ":
                arguments, function = stack.pop(), stack.pop()
                stack.append(_call(function, arguments))
            case "BUILD":  # attributes, such as a state dict's `_metadata`: no use for them
                stack.pop()
                _top(stack, dict)
            case other:
                raise UnsafeCheckpointError(f"its pickle uses {other}, which no tensor needs")


def _top(stack, kind):
    if not isinstance(stack[-1], kind):
        raise UnsafeCheckpointError(
            f"its pickle would change a {type(stack[-1]).__name__} as if it were a {kind.__name__}"
        )
    return stack[-1]


def _set_items(dictionary, items):
    for key, value in items:
        # Nested tuples could take forever to hash, long integers collide as one likes.
        if not isinstance(key, str) and not (isinstance(key, int) and abs(key) < 2**63):
            raise UnsafeCheckpointError(f"a dictionary key is a {type(key).__name__}")
        dictionary[key] = value
    return dictionary


def _text(value):
    if not isinstance(value, str):
        raise UnsafeCheckpointError(f"its pickle names a function by a {type(value).__name__}")
    return value


def _name(name):
    if name not in _FUNCTIONS and name not in _DTYPES:
        dotted = ascii(name[:100].replace(" ", "."))
        raise UnsafeCheckpointError(
            f"it asks for {dotted}, which tensors do not need. If you trust where it comes from, "
            "load it with PyTorch and save model.state_dict()"
        )
    return _Name(name)


def _storage(reference, storages):
    match reference:
        # The device, in fourth place, does not matter; a view, in sixth, is of PyTorch before 0.4.
        case ("storage", _Name(name), str(key), _, int(size), *view) if (
            name in _DTYPES and size >= 0 and view in ([], [None])
        ):
            storage = Storage(key, _DTYPES[name], size)
        case _:
            raise UnsafeCheckpointError("its pickle refers to something that is no storage")
    if storages.setdefault(key, storage) != storage:
        raise UnsafeCheckpointError(f"two storages share the key {key[:100]!a}")
    return storage


def _call(function, arguments):
    """What the call of a function would return, in the terms of this module."""
    match function, arguments:
        case _Name("torch._utils _rebuild_tensor"), (storage, offset, shape, strides):
            return _tensor(storage, offset, shape, strides)
        case _Name("torch._utils _rebuild_tensor_v2"), (storage, offset, shape, strides, _, _):
            return _tensor(storage, offset, shape, strides)
        case _Name("torch._utils _rebuild_parameter"), (Tensor() as tensor, _, _):
            return tensor
        case _Name("collections OrderedDict" | "argparse Namespace"), ():
            return {}
        case _Name("collections OrderedDict"), (list(items),):  # as Python 2 wrote it
            if all(isinstance(item, list) and len(item) == 2 for item in items):
                return _set_items({}, items)
        case _Name("collections Counter"), (dict(counts),):
            return counts
    called = function.name.replace(" ", ".") if isinstance(function, _Name) else "a value"
    raise UnsafeCheckpointError(f"its pickle calls {called} in a way that no tensor needs")


def _tensor(storage, offset, shape, strides):
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
