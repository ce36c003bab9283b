"""Calls of Python functions from tf.data's threads, which end before the interpreter does.

A thread that enters Python while the interpreter shuts down aborts the process, or hangs it. Live
iterators read ahead until their buffers are full. So when the program ends, functions are no longer
called: blank results fill the buffers within milliseconds, and then no thread needs Python.
"""

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

_QUIET_SECONDS = 0.25  # without a call for so long, all buffers are full
_MOST_SECONDS = 30.0


def call_python(
    function: Callable,
    arguments: Sequence[Any],
    dtypes: Any,
    *,
    blank: Callable,
) -> Any:
    """Calls a Python function from a graph, like `tf.numpy_function`.

    Args:
        function: a function of NumPy arrays that returns NumPy arrays.
        arguments: the tensors that it is called with.
        dtypes: the dtype of the result, or a list of the dtypes.
        blank: a function that is called in its place while the program ends. It has to be quick,
            and its results have to fit the rest of the graph.
    """

    def run(*values):
        with _calls:
            return (blank if _calls.is_closing else function)(*values)

    return tf.numpy_function(run, arguments, dtypes)


class _Calls:
    """Counts the calls that run."""

    def __init__(self):
        self.is_closing = False
        self._running, self._latest = 0, -_QUIET_SECONDS
        self._lock = threading.Lock()

    def __enter__(self):
        with self._lock:
            self._running += 1

    def __exit__(self, *error):
        with self._lock:
            self._running -= 1
            self._latest = time.monotonic()

    def close(self):
        """Waits until no thread calls any more."""
        self.is_closing = True
        end = time.monotonic() + _MOST_SECONDS
        while time.monotonic() < end and (
            self._running or time.monotonic() < self._latest + _QUIET_SECONDS
        ):
            time.sleep(0.01)


_calls = _Calls()
atexit.register(_calls.close)
