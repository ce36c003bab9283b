"""Measures how many training images the input pipeline makes in a second, stage by stage."""

import datetime
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from keras_ssd import __version__
from keras_ssd.benchmark.benchmark import machine, processors
from keras_ssd.config import SSDConfig
from keras_ssd.data import AnnotatedImages
from keras_ssd.terminal import print_table


@dataclass(frozen=True)
class DataSpeed:
    """Images/s of the stages of the input pipeline.

    Attributes:
        model: the name of the model that batches were made for.
        num_images: the number of images.
        one_core: images/s of each stage on one core.
        all_cores: images/s of each stage on all cores.
        machine: the processor, the number of its cores, and the system.
        date: the day of the measurement.
    """

    model: str
    num_images: int
    one_core: dict[str, float]
    all_cores: dict[str, float]
    machine: str
    date: str

    def print(self) -> None:
        """Prints a table."""
        rows = [
            (name, f"{rate:.0f}", f"{self.all_cores[name]:.0f}", f"{1e6 / rate:.0f}")
            for name, rate in self.one_core.items()
        ]
        header = ("stage", "images/s, 1 core", "images/s, all cores", "µs/image, 1 core")
        print_table(header, rows, "<>>>")
        print(f"{self.model}, {self.num_images} images, {self.date}, {self.machine}")

    def to_json(self) -> dict[str, Any]:
        """Returns all figures as plain values that JSON can hold."""
        return {**asdict(self), "version": __version__}


def benchmark_data(
    data: AnnotatedImages,
    config: SSDConfig,
    model: str,
    *,
    on_measured: Callable[[str, float], object] | None = None,
) -> DataSpeed:
    """Measures the stages on one core and on all cores. Nothing else should run.

    Args:
        data: the images to make batches of.
        config: the SSDConfig of the model.
        model: the name of the model.
        on_measured: a function that is called with each stage and its images/s as they come.
    """
    everything = sorted(processors())
    one_core = _rates(data, config, everything[:1], on_measured)
    all_cores = _rates(data, config, everything, on_measured)
    date = datetime.date.today().isoformat()
    return DataSpeed(model, len(data), one_core, all_cores, machine(), date)


def _rates(data, config, cores, on_measured):
    # TensorFlow starts as many threads as there are cores, so each is a process of its own.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _use_cores, (cores,)) as pool:
        names = pool.submit(_names, data, config).result()
        rates = {}
        for name in names[:-1]:
            rates[name] = pool.submit(_measure, data, config, name).result()
            _tell(on_measured, name, rates[name], cores)
    # PyTorch reads with a process for each core.
    with ProcessPoolExecutor(
        len(cores), context, initializer=_use_cores, initargs=(cores,)
    ) as pool:
        runs = [pool.submit(_measure, data, config, names[-1]) for _ in cores]
        rates[names[-1]] = sum(run.result() for run in runs)
        _tell(on_measured, names[-1], rates[names[-1]], cores)
    return rates


def _tell(on_measured, name, rate, cores):
    if on_measured is not None:
        on_measured(f"{name}, {len(cores)} of the cores", rate)


def _use_cores(cores):
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def _names(data, config):
    from keras_ssd.benchmark.data_stages import stages  # this imports TensorFlow

    return list(stages(data, config))


def _measure(data, config, name):
    from keras_ssd.benchmark.data_stages import images_per_second, stages

    return images_per_second(stages(data, config)[name]())
