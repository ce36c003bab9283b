"""Reports of training runs and evaluations, each as one HTML file."""

from keras_ssd.report.writing import write_report

__all__ = ["write_report"]
