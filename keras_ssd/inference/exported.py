"""Detectors outside Keras that are used like the Keras detector that they were exported from."""

from keras_ssd.inference.batches import BatchDetector


class ExportedDetector(BatchDetector):
    """An exported detector, loaded back. A subclass adds `_predict_on_batch`."""


def read_labels(text: str) -> tuple[str, ...]:
    r"""The class names in a text that has one in each line, as exports hold it.

    Only "\n" ends a line: a name may hold the other characters that `str.splitlines` splits at.
    """
    return tuple(text.removesuffix("\n").split("\n"))


def last_line(error: Exception) -> str:
    """The last line of a runtime's error; the lines before it are usually source locations."""
    return str(error).strip().rpartition("\n")[2]
