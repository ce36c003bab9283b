"""Writes detectors in the formats that other programs run, and opens these files.

Importing this package needs neither Keras nor TensorFlow; exporting needs both.

Examples:
    >>> import keras_ssd
    >>> [one.name for one in keras_ssd.formats.FORMATS]
    ['litert', 'onnx', 'openvino', 'saved_model']
"""

from keras_ssd.formats.comparison import Differences, ExportError, compare
from keras_ssd.formats.exporting import export, file_size
from keras_ssd.formats.table import FORMATS, Format, format_to_read, format_to_write

__all__ = [
    "FORMATS",
    "Differences",
    "ExportError",
    "Format",
    "compare",
    "export",
    "file_size",
    "format_to_read",
    "format_to_write",
]
