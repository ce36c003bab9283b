"""What a detector computes in: float32, or bfloat16 where the processor is faster so."""

import logging
from functools import cache
from pathlib import Path

import keras

from keras_ssd.detector.detector import ssd_model

PRECISIONS = ("auto", "float32", "bfloat16")
# Keras's policies. In bfloat16 the weights stay float32, so that a detector trains, saves and
# exports as exactly as one in float32; to store them so too gained 3 % of an SSD300's time.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
MOST_MAP_LOSS = 0.003  # of mAP
CPU_FACTS = Path("/proc/cpuinfo")
logger = logging.getLogger("keras_ssd")

# bfloat16 has 8 bits for a pixel less the mean, and for sums over thousands of pixels.
_FLOAT32_LAYERS = (keras.layers.Rescaling, keras.layers.Normalization)


def with_precision(detector, precision):
    """The detector as it is, or a copy of it that computes in another precision.

    The weights, the normalization of the pixels, L2 normalization and decoding are float32 in
    either.

    Args:
        detector: keras.Model, as `build_detector` returns it; it stays as it is.
        precision: "float32" or "bfloat16".
    """
    model = ssd_model(detector)
    if all(layer.dtype_policy.name == _policy(layer, precision) for layer in _layers(model)):
        return detector

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):  # not an operation of `keras.ops`
            config["dtype"] = _policy(layer, precision)
        return type(layer).from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone, recursive=True)
    copy.set_weights(model.get_weights())
    return keras.models.clone_model(
        detector, clone_function=lambda layer: copy if layer is model else layer
    )


def automatic_precision(name: str, map_loss: float | None, time: float | None) -> str:
    """The faster precision that costs no accuracy: "bfloat16" or "float32". Logs its choice once.

    Args:
        name: of the detector, for the log.
        map_loss: of mAP in bfloat16, as measured; None: it has not been.
        time: that a detection takes in bfloat16, as a share of float32's; None: not measured.
    """
    if map_loss is None or time is None:
        precision, reason = "float32", "bfloat16 has not been measured"
    elif map_loss > MOST_MAP_LOSS:
        precision, reason = "float32", f"bfloat16 costs {map_loss} mAP"
    elif time >= 1:
        precision, reason = "float32", f"bfloat16 takes {time:.2f} of its time"
    elif not computes_in_bfloat16():
        precision, reason = "float32", "this processor or backend has no fast bfloat16"
    else:
        precision = "bfloat16"
        reason = f"it takes {time:.2f} of float32's time, mAP {-map_loss:+.4f}"
    _log_once(f"{name} computes in {precision}: {reason}")
    return precision


def computes_in_bfloat16() -> bool:
    """Whether TensorFlow multiplies bfloat16 natively here: AMX-BF16 or AVX512-BF16, on Linux."""
    if keras.backend.backend() != "tensorflow":
        return False
    try:
        flags = CPU_FACTS.read_text().split()
    except OSError:
        return False
    return not {"amx_bf16", "avx512_bf16"}.isdisjoint(flags)


def _layers(model):
    """What computes within a model, and within models within it."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif not isinstance(layer, keras.layers.InputLayer):
            yield layer


def _policy(layer, precision):
    if isinstance(layer, _FLOAT32_LAYERS):
        return "float32"
    return POLICIES[precision]


@cache
def _log_once(message):
    logger.info(message)
