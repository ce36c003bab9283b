"""Sets the dtype that an SSD computes in: float32, or bfloat16 if the processor gains by it."""

import logging
from functools import cache
from pathlib import Path

import keras

from keras_ssd.models.fast_layers import fast_kind
from keras_ssd.models.ssd import SSD

MAX_MAP_LOSS = 0.003  # the most mAP that the "auto" dtype may lose
CPU_FACTS = Path("/proc/cpuinfo")
logger = logging.getLogger("keras_ssd")

# bfloat16 has 8 significant bits, which are too few for a pixel minus the mean.
_FLOAT32_LAYERS = (keras.layers.Rescaling, keras.layers.Normalization)


def with_dtype(ssd: SSD, dtype: str) -> SSD:
    """Returns the SSD itself if it computes in `dtype`, or a copy of it that does.

    The weights and the normalization of the pixels always stay float32.

    Args:
        ssd: the model, which is not changed.
        dtype: "float32", "mixed_bfloat16" or "mixed_float16", as in
            `keras.config.set_dtype_policy`.

    Raises:
        ValueError: `dtype` is not one of these.
    """
    if dtype not in ("float32", "mixed_bfloat16", "mixed_float16"):
        raise ValueError(
            f"dtype: expected float32, mixed_bfloat16 or mixed_float16, not {dtype!r}; "
            "weights are always stored in float32"
        )
    warn_of_slow_bfloat16(dtype)
    if all(layer.dtype_policy.name == _policy(layer, dtype) for layer in _layers(ssd)):
        return ssd

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):  # not an operation of `keras.ops`
            config["dtype"] = _policy(layer, dtype)
        return fast_kind(layer).from_config(config)

    copy = ssd.clone(clone)
    copy.set_weights(ssd.get_weights())
    return copy


def dtype_of(ssd: SSD) -> str:
    """Returns the dtype policy that an SSD computes in, such as "float32"."""
    policies = {
        layer.dtype_policy.name for layer in _layers(ssd) if not isinstance(layer, _FLOAT32_LAYERS)
    }
    return " and ".join(sorted(policies))


def auto_dtype(name: str, map_loss: float | None, time: float | None) -> str:
    """Chooses the fastest dtype that keeps the accuracy, by measurements; logs the choice once.

    Args:
        name: the name of the detector in the log.
        map_loss: the mAP that the detector loses in bfloat16, or None if it was not measured.
        time: the time of a detection in bfloat16, relative to float32, on a processor with fast
            bfloat16 (0.54 is nearly twice as fast), or None if it was not measured.

    Returns:
        "mixed_bfloat16" or "float32".
    """
    dtype = "float32"
    if map_loss is None or time is None:
        reason = "bfloat16 has not been measured"
    elif map_loss > MAX_MAP_LOSS:
        reason = f"bfloat16 costs {map_loss} mAP"
    elif time >= 1:
        reason = f"bfloat16 takes {time:.2f} times as long"
    elif _computes_on_gpu():
        reason = "bfloat16 has not been measured on a GPU"
    elif not cpu_has_fast_bfloat16():
        reason = "this processor or backend has no fast bfloat16"
    else:
        dtype = "mixed_bfloat16"
        reason = f"it takes {time:.2f} of the time of float32 and changes mAP by {-map_loss:+.4f}"
    _log_once(f"{name} computes in {dtype}: {reason}")
    return dtype


def warn_of_slow_bfloat16(dtype: str) -> None:
    """Logs a warning, once, if TensorFlow is to compute in bfloat16 on an x86 CPU without it."""
    if dtype != "mixed_bfloat16" or keras.config.backend() != "tensorflow" or _computes_on_gpu():
        return
    if "sse2" in _cpu_flags() and not cpu_has_fast_bfloat16():
        _log_once(
            "mixed_bfloat16 is much slower than float32 here: this processor has no instructions "
            "for bfloat16 (avx512_bf16 or amx_bf16)",
            logging.WARNING,
        )


def cpu_has_fast_bfloat16() -> bool:
    """Tells whether this processor multiplies bfloat16 itself: AMX-BF16, AVX512-BF16, on Linux."""
    if keras.config.backend() != "tensorflow":
        return False
    return not {"amx_bf16", "avx512_bf16"}.isdisjoint(_cpu_flags())


def _cpu_flags():
    """Returns the names of the CPU's instructions, among other words; none if not on Linux."""
    try:
        return set(CPU_FACTS.read_text().split())
    except OSError:
        return set()


def _computes_on_gpu():
    if keras.config.backend() == "jax":
        import jax

        return jax.default_backend() != "cpu"
    if keras.config.backend() == "torch":
        import torch

        return torch.cuda.is_available()
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _layers(model):
    """Yields the layers with weights or computations in a model, and in the models within it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


def _policy(layer, dtype):
    return "float32" if isinstance(layer, _FLOAT32_LAYERS) else dtype


@cache
def _log_once(message, level=logging.INFO):
    logger.log(level, message)
