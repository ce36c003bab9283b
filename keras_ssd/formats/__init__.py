"""Detectors out of Keras, in the formats that other programs run."""

import importlib
from typing import TYPE_CHECKING, Any

from keras_ssd.formats.compare import compare, file_size

if TYPE_CHECKING:
    from keras_ssd.formats.litert.write import export_litert
    from keras_ssd.formats.onnx.write import export_onnx
    from keras_ssd.formats.openvino.write import export_openvino
    from keras_ssd.formats.saved_model.write import export_saved_model

__all__ = [
    "compare",
    "export_litert",
    "export_onnx",
    "export_openvino",
    "export_saved_model",
    "file_size",
]


def __getattr__(name: str) -> Any:
    # The writers need Keras; the readers beside them do not, and must load without it.
    if name not in __all__:
        raise AttributeError(f"module 'keras_ssd.formats' has no attribute {name!r}")
    module = importlib.import_module(f"keras_ssd.formats.{name.removeprefix('export_')}.write")
    return getattr(module, name)
