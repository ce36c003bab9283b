"""Writes annotated images in the formats that tools read."""

from keras_ssd.data.writing.converting import FORMATS, ConvertedData, convert_data

__all__ = ["FORMATS", "ConvertedData", "convert_data"]
