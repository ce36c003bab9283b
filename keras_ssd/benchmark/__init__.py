"""Measures how fast, how large and how accurate a detector is on every runtime."""

from keras_ssd.benchmark.benchmark import Benchmark, benchmark
from keras_ssd.benchmark.data import DataSpeed, benchmark_data
from keras_ssd.benchmark.measuring import Measured

__all__ = ["Benchmark", "DataSpeed", "Measured", "benchmark", "benchmark_data"]
