"""The batch size that fits the free memory of this machine, `batch_size="auto"`."""

import dataclasses
import importlib
import logging
import math
import subprocess
from pathlib import Path

import keras

from keras_ssd.extras import require
from keras_ssd.models.ssd import SSD
from keras_ssd.terminal import counted
from keras_ssd.training.devices import num_devices
from keras_ssd.training.recipes import Recipe

# Measured as the peak of the resident memory on a CPU (TensorFlow 2.21): a training step of
# SSDMobileNet320, SSD300, SSDResNet300 and SSDTiny128 needs 0.7 to 1.4 times the float32 outputs of
# the layers that learn, for each image, besides 0.2 to 0.6 GiB that do not depend on their number.
_TIMES_OUTPUTS = 1.6
_FIXED = 600 * 2**20
_COPIES = 5  # of each weight: itself, its gradient, two moments, its average
_SHARE = 0.6  # of the free memory; the rest is for the input pipeline and for other programs
_GIB = 2**30

# What a container may use and uses: with cgroups of version 2 and 1.
_CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)

logger = logging.getLogger("keras_ssd")


def fitted_to_memory(recipe: Recipe, ssd: SSD, free: int | None = None) -> Recipe:
    """Returns the recipe with batches that fit the memory, and says what it took.

    A step keeps its number of images: a batch that is too large is divided into 2, 3, 4, ... equal
    batches until one fits, and the step accumulates their gradients. A batch never becomes larger
    than the recipe's, so that a larger machine does not train in another way. If not even one image
    fits, a batch is one image. Several devices get equal shares of a batch, which is counted as a
    whole.

    Args:
        recipe: the recipe.
        ssd: the model, with its layers frozen as they will be.
        free: the free memory in bytes; None asks the machine.

    Raises:
        ValueError: the memory of a GPU cannot be found out.
    """
    free = free_memory() if free is None else free
    whole, devices = recipe.batch_size, num_devices()
    divisors = [parts for parts in range(1, whole + 1) if whole % (parts * devices) == 0] or [1]
    fits = (parts for parts in divisors if needed_memory(ssd, whole // parts) <= _SHARE * free)
    parts = next(fits, divisors[-1])
    fitted = dataclasses.replace(
        recipe, batch_size=whole // parts, accumulate=recipe.accumulate * parts
    )
    logger.info(
        "batch size: %s, %s in a step (a batch needs about %.1f GiB, %.1f GiB are free)",
        counted(fitted.batch_size, "image"),
        counted(fitted.accumulate, "batch", "batches"),
        needed_memory(ssd, fitted.batch_size) / _GIB,
        free / _GIB,
    )
    return fitted


def needed_memory(ssd: SSD, batch_size: int) -> int:
    """Estimates the memory of a training step in bytes, on the high side.

    Layers before the first one that learns do not keep their outputs for the gradient.

    Args:
        ssd: the model.
        batch_size: the number of images in a batch.
    """
    kept, largest = 0, 0
    learns: set[int] = set()  # outputs that depend on weights that learn
    for layer in ssd.layers:
        size = 4 * math.prod(layer.output.shape[1:])
        largest = max(largest, size)
        inputs = layer.input if isinstance(layer.input, list | tuple) else [layer.input]
        if layer.trainable_weights or any(id(tensor) in learns for tensor in inputs):
            learns.add(id(layer.output))
            kept += size
    weights = 4 * sum(math.prod(weight.shape) for weight in ssd.trainable_weights)
    images = batch_size * (_TIMES_OUTPUTS * kept + 2 * largest)
    return round(_FIXED + _COPIES * weights + images)


def free_memory() -> int:
    """Returns the bytes of memory that a run can use: of the GPU if there is one, else RAM.

    Raises:
        ValueError: there is a GPU, but `nvidia-smi` does not tell its memory.
    """
    if _has_gpu():
        return _gpu_memory()
    free = require("psutil", extra="train").virtual_memory().available
    for limit, used in _CGROUPS:
        try:
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):  # there is no such file, or no limit ("max")
            continue
    return max(free, 0)


def _has_gpu():
    backend = keras.config.backend()
    module = importlib.import_module(backend)
    if backend == "tensorflow":
        return bool(module.config.list_physical_devices("GPU"))
    if backend == "jax":
        return module.default_backend() == "gpu"
    return module.cuda.is_available()


def _gpu_memory():
    """Returns the memory of the smallest GPU. What is free says little: TensorFlow and JAX take
    nearly all of it at their start.
    """
    command = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60)
        return min(int(line) for line in told.stdout.split()) * 2**20
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ValueError(
            'batch_size="auto": nvidia-smi does not tell the memory of the GPU; give a number'
        ) from error
