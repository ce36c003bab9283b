"""Trains on several devices, of one machine or of several: each takes a share of every batch."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import keras

from keras_ssd.models.replicas import num_replicas
from keras_ssd.training.recipes import Recipe

# Variables by which a job is known to have several processes: Keras's own, Slurm's and Open MPI's.
_NUM_PROCESSES = ("KERAS_DISTRIBUTION_NUM_PROCESSES", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE")
_WORDS_OF_LOSS = ("Gloo", "NCCL", "coordination service", "UNAVAILABLE")  # in JAX's errors
_SECONDS_UNTIL_LOST = 30  # without a sign of life, a process counts as lost


class LostProcessError(ValueError):
    """Another process of the run ended, or cannot be reached any more."""


@dataclass(frozen=True)
class Process:
    """The place of this process among those that train together.

    Attributes:
        index: the number of this process, from 0. Only number 0 writes files.
        count: the number of processes.
    """

    index: int
    count: int


def this_process() -> Process:
    """Returns the place of this process among those that train together."""
    if keras.config.backend() != "jax" or keras.distribution.distribution() is None:
        return Process(0, 1)
    import jax

    return Process(jax.process_index(), jax.process_count())


def num_devices() -> int:
    """Returns the number of devices, of all processes, that a step runs on in this context."""
    distribution: Any = keras.distribution.distribution()
    return num_replicas() if distribution is None else distribution.device_mesh.devices.size


@contextmanager
def data_parallel(devices: int | Literal["all"] = "all") -> Iterator[None]:
    """Makes training steps run on several devices in this context, in equal shares of a batch.

    The model must be made in the context as well. A step gives the same weights as a step of one
    device on the whole batch, up to rounding. TensorFlow trains by `MirroredStrategy`, JAX by
    `keras.distribution.DataParallel`.

    A job of several processes trains together on JAX, which knows Slurm and Open MPI. Other jobs
    set three variables for each process: KERAS_DISTRIBUTION_JOB_ADDRESSES (the
    address and port of process 0), KERAS_DISTRIBUTION_NUM_PROCESSES and
    KERAS_DISTRIBUTION_PROCESS_ID.

    Args:
        devices: the number of devices in each process, or "all" for all GPUs or TPUs. Without
            any, the processor is split into as many virtual devices. These are not faster, but
            show that a setup works.

    Raises:
        ValueError: there are fewer devices, or the backend is PyTorch, or something was computed
            before the processor could be split.

    Examples:
        >>> import keras_ssd
        >>> def train_cats(data, detector_of):
        ...     with keras_ssd.training.data_parallel("all"):
        ...         detector = keras_ssd.Detector.from_preset("ssd_mobilenet_320_voc", ["cat"])
        ...         return keras_ssd.training.train(detector, data, output="runs/cats")
    """
    if devices != "all" and (not isinstance(devices, int) or devices < 1):
        raise ValueError(f'devices: expected a whole number from 1, or "all", not {devices!r}')
    backend = keras.config.backend()
    if backend == "tensorflow":
        with _tensorflow_strategy(devices).scope():
            yield
    elif backend == "jax":
        before = keras.distribution.distribution()
        keras.distribution.set_distribution(_jax_distribution(devices))
        try:
            yield
        finally:
            keras.distribution.set_distribution(before)
    else:
        raise ValueError(
            f"devices: Keras's backend {backend} trains on one device; TensorFlow and JAX train on "
            "several (KERAS_BACKEND=tensorflow or jax)"
        )


def check_devices(model: keras.Model, recipe: Recipe) -> None:
    """Raises ValueError if the devices cannot train a model by a recipe.

    Args:
        model: the model to train.
        recipe: the recipe to train by.
    """
    count = num_devices()
    if count == 1:
        return
    if recipe.batch_size % count:
        raise ValueError(
            f"batch_size: expected a multiple of the number of devices, {count}, not "
            f"{recipe.batch_size}"
        )
    if recipe.accumulate > 1 and keras.config.backend() == "tensorflow":
        raise ValueError(
            "accumulate: expected 1, because Keras does not accumulate gradients on several "
            "devices of TensorFlow; JAX does (KERAS_BACKEND=jax)"
        )
    if not _is_on_all_devices(model.weights[0].value, count):
        raise ValueError("model: it was made outside of `data_parallel`; make it in that context")


def _is_on_all_devices(value, count):
    if keras.config.backend() == "jax":
        return len(value.sharding.device_set) == count
    import tensorflow as tf

    return isinstance(value, tf.distribute.DistributedValues)


def wait_for_others() -> None:
    """Returns when every process has come to this call."""
    if this_process().count > 1:
        from jax.experimental.multihost_utils import sync_global_devices

        sync_global_devices("keras_ssd")


@contextmanager
def on_this_process_only() -> Iterator[None]:
    """Makes new variables local ones, since Keras makes some while it saves a model."""
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


class WaitForOthers(keras.callbacks.Callback):
    """Lets every process wait for the others at the end of an epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Waits, so that what the first process has written can be read."""
        wait_for_others()


@contextmanager
def lost_processes_named() -> Iterator[None]:
    """Raises LostProcessError in place of JAX's error when another process of the run is lost."""
    try:
        yield
    except Exception as error:
        if this_process().count > 1 and any(word in str(error) for word in _WORDS_OF_LOSS):
            raise LostProcessError(
                "another process of the run ended or cannot be reached, so this one ends as well; "
                f"the run can be resumed (JAX: {str(error).splitlines()[0]})"
            ) from error
        raise


def _tensorflow_strategy(devices):
    import tensorflow as tf

    accelerators = tf.config.list_physical_devices("GPU")
    if accelerators:
        names = [f"GPU:{number}" for number in range(_checked(devices, len(accelerators)))]
    else:
        if devices != "all":
            with suppress(RuntimeError):  # it was split before, or it is too late
                tf.config.set_logical_device_configuration(
                    tf.config.list_physical_devices("CPU")[0],
                    [tf.config.LogicalDeviceConfiguration()] * devices,
                )
        count = len(tf.config.list_logical_devices("CPU"))
        names = [f"CPU:{number}" for number in range(_checked(devices, count))]
    return tf.distribute.MirroredStrategy(names)


def _jax_distribution(devices):
    import jax

    _join_other_processes()
    if devices != "all":
        with suppress(RuntimeError):  # it was split before, or it is too late
            jax.config.update("jax_num_cpu_devices", devices)
    per_process = _checked(devices, jax.local_device_count())
    chosen = [
        device
        for process in range(jax.process_count())
        for device in [d for d in jax.devices() if d.process_index == process][:per_process]
    ]
    names = [f"{device.platform}:{device.id}" for device in chosen]
    # Each process makes only its share of a batch, so Keras has nothing to divide.
    return keras.distribution.DataParallel(devices=names, auto_shard_dataset=False)


def _join_other_processes():
    import jax

    is_one_of_several = any(int(os.environ.get(name, 1)) > 1 for name in _NUM_PROCESSES)
    if not is_one_of_several or jax.distributed.is_initialized():
        return
    read = os.environ.get
    number, index = (read(f"KERAS_DISTRIBUTION_{x}") for x in ("NUM_PROCESSES", "PROCESS_ID"))
    addresses = read("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    jax.config.update("jax_enable_preemption_service", False)  # it would swallow SIGTERM
    jax.distributed.initialize(
        coordinator_address=addresses.split(",")[0] if addresses else None,
        num_processes=int(number) if number else None,
        process_id=int(index) if index else None,
        heartbeat_timeout_seconds=_SECONDS_UNTIL_LOST,
    )


def _checked(devices, available):
    if devices == "all":
        return available
    if devices > available:
        raise ValueError(f"devices: expected at most the {available} that there are, not {devices}")
    return devices
