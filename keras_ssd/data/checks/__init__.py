"""Finds what is wrong with annotated images before a model is trained on them."""

from keras_ssd.data.checks.checking import check_data
from keras_ssd.data.checks.data_report import DataReport, Finding

__all__ = ["DataReport", "Finding", "check_data"]
