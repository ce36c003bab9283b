"""Detectors out of Keras, in the formats that other programs run."""

from keras_ssd.formats.compare import compare, file_size
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
