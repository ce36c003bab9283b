"""A process that ends while a data set is alive."""

import subprocess
import sys
import textwrap

_PROGRAM = """
    import os
    import sys

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    import numpy as np
    import tensorflow as tf

    from keras_ssd.data.python_calls import call_python

    def slow(number):
        np.linalg.inv(np.random.default_rng(number).random((200, 200)))
        return number

    def example(number):
        return call_python(slow, [number], tf.int64, blank=lambda number: number)

    numbers = tf.data.Dataset.range(2**62).map(example, num_parallel_calls=8).batch(4).prefetch(4)
    batches = iter(numbers)
    assert next(batches).numpy().tolist() == [0, 1, 2, 3]
    print("the end")
"""


def test_a_process_ends_in_order_while_python_fills_a_live_data_set():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_PROGRAM)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the end\n"
