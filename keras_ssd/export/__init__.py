"""Detectors out of Keras, in the formats that other programs run."""

from keras_ssd.export.litert import export_litert
from keras_ssd.export.onnx import export_onnx
from keras_ssd.export.openvino import export_openvino
from keras_ssd.export.report import compare, file_size
from keras_ssd.export.saved_model import export_saved_model

__all__ = [
    "compare",
    "export_litert",
    "export_onnx",
    "export_openvino",
    "export_saved_model",
    "file_size",
]
