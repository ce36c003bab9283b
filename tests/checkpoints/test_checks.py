import numpy as np
import pytest

from keras_ssd.checkpoints.checks import check_names, check_shapes, keras_layout


@pytest.mark.parametrize(
    ("found", "expected", "message"),
    [
        ("a", "ac", "file: lacks c"),
        ("", "ac", "file: lacks a, c"),
        ("cab", "a", "file: has unexpected b, c"),
        ("x", "a", "file: lacks a; has unexpected x"),
        ("gfedcbah", "a", "file: has unexpected b, c, d, e, f and 2 more"),
        ("", "abcdefg", "file: lacks a, b, c, d, e and 2 more"),
        (["a", "\x1b[2J"], "a", r"file: has unexpected \x1b[2J"),
        (["a", "x" * 200], "a", f"file: has unexpected {'x' * 100}"),
    ],
)
def test_missing_and_unexpected_names_are_listed(found, expected, message):
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        check_names(dict.fromkeys(found), iter(expected), "file")
    assert str(raised.value) == message


def test_the_same_names_in_any_order_pass():
    check_names({"a": 0, "b": 0}, ["b", "a"], "file")


def test_arrays_of_another_shape_or_dtype_are_listed():
    arrays = {"a": np.zeros(3, np.float16), "b": np.zeros((2, 3)), "c": np.zeros(3, np.int8)}
    check_shapes(arrays, {"a": (3,), "b": (2, 3)}, "file")
    message = (
        r"^file: wrong shapes: b is float64 \(2, 3\), not float \(6,\); "
        r"c is int8 \(3,\), not float \(3,\)$"
    )
    with pytest.raises(ValueError, match=message):
        check_shapes(arrays, {"a": (3,), "b": (6,), "c": (3,)}, "file")
    arrays = {str(number): np.zeros(0) for number in range(8)}
    with pytest.raises(ValueError, match=r"; 4 is .* and 3 more$"):
        check_shapes(arrays, dict.fromkeys(arrays, ()), "file")


def test_kernels_are_turned_to_keras_s_layout():
    kernel = np.arange(120, dtype=np.float16).reshape(2, 3, 4, 5)
    turned = keras_layout(kernel)
    assert (turned.shape, turned.dtype) == ((4, 5, 3, 2), np.float32)
    assert turned[3, 1, 2, 0] == kernel[0, 2, 3, 1]
    np.testing.assert_array_equal(keras_layout(np.array([1.0, 2.0])), np.float32([1, 2]))
