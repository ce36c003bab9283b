"""Measures a detector on every runtime that is installed, one after another."""

import datetime
import multiprocessing
import os
import platform
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_ssd import __version__
from keras_ssd.benchmark.measuring import BATCH, Measured, measure
from keras_ssd.benchmark.variants import prepare
from keras_ssd.terminal import print_table, track

if TYPE_CHECKING:
    from keras_ssd.data import AnnotatedImages


@dataclass(frozen=True)
class Benchmark:
    """The figures of a detector on several runtimes.

    Attributes:
        model: the name or the path of the detector.
        num_images: the number of images that mAP was measured on, or None.
        measured: the figures, Keras in float32 first if it was measured.
        missing: the names of what could not be measured, with the reasons.
        machine: the processor, the number of its cores, and the system.
        date: the day of the measurement.
    """

    model: str
    num_images: int | None
    measured: list[Measured]
    missing: dict[str, str]
    machine: str
    date: str

    def print(self) -> None:
        """Prints a table, and what could not be measured."""
        header = ["runtime", "ms", "images/s", "memory MB", "file MB"]
        if self.num_images is not None:
            header += ["mAP", "loss"]
        print_table(header, map(self._row, self.measured), "<" + ">" * (len(header) - 1))
        for name, reason in self.missing.items():
            print(f"{name}: not measured ({reason})")
        data = "" if self.num_images is None else f", mAP on {self.num_images} images"
        print(f"{self.model}, {self.date}, {self.machine}{data}")

    def _row(self, one):
        memory = "-" if one.memory is None else f"{one.memory:.0f}"
        row = [
            one.name,
            f"{one.milliseconds:.1f}",
            f"{one.images_per_second:.1f}",
            memory,
            f"{one.megabytes:.1f}",
        ]
        if self.num_images is not None:
            loss = self.loss(one)
            row.append("-" if one.mean_ap is None else f"{one.mean_ap:.4f}")
            row.append("-" if loss is None else f"{loss:.4f}")
        return row

    def loss(self, one: Measured) -> float | None:
        """Returns how much less mAP this is than that of the first, or None if one has none."""
        first = self.measured[0].mean_ap
        return None if first is None or one.mean_ap is None else first - one.mean_ap

    def to_json(self) -> dict[str, Any]:
        """Returns all figures as plain values that JSON can hold."""
        measured = [{**asdict(one), "loss": self.loss(one)} for one in self.measured]
        return {
            **asdict(self),
            "measured": measured,
            "batch": BATCH,
            "version": __version__,
        }


def benchmark(
    model: str | Path,
    *,
    data: "AnnotatedImages | None" = None,
    calibrate: str | Path | None = None,
    on_measured: Callable[[Measured], object] | None = None,
) -> Benchmark:
    """Measures a detector on Keras, LiteRT, OpenVINO and ONNX Runtime, as far as installed.

    Each is measured in a process of its own, with all processors. Nothing else should run.

    Args:
        model: the name or the path of a detector, as `load_detector` takes it. Of a file that was
            exported only its own runtime is measured.
        data: annotated images to measure mAP on, with the detector's class names; None measures
            none. It should hold no images that the detector was trained or calibrated on.
        calibrate: a folder of typical images to calibrate int8 on. Without it a preset's packaged
            int8 file is measured; other int8 files are calibrated on drawn images, which tells
            their speed, and have no mAP.
        on_measured: a function that is called with the figures of each runtime as they come.

    Raises:
        ValueError: the detector or the folder cannot be read.
        ImportError: the detector needs Keras, which is not installed.
    """
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        candidates, missing = _in_a_process(prepare, model, folder, calibrate)
        for candidate in track(candidates, "Measuring"):
            try:
                measured.append(_in_a_process(measure, candidate, data))
            except BrokenProcessPool:  # the system ended it, for lack of memory for example
                missing[candidate.variant.name] = "its process was ended"
                continue
            if on_measured is not None:
                on_measured(measured[-1])
    num_images = None if data is None else len(data)
    date = datetime.date.today().isoformat()
    return Benchmark(str(model), num_images, measured, missing, machine(), date)


def _in_a_process(function, *arguments):
    """Calls a function in a new process, which nothing was imported into before."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


def machine() -> str:
    """Returns the processor, the number of its cores, and the system."""
    processor = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    except OSError:  # not on Linux
        pass
    return f"{processor}, {len(list(processors()))} cores, {platform.system()}"


def processors() -> Iterable[int]:
    """Returns the numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)
