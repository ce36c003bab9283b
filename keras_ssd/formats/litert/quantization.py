"""Quantizes a float32 `.tflite` file to int8, by ai-edge-quantizer.

The ranges of the activations are measured on images. Rounding the weights shifts the mean of each
channel, and the biases of the convolutions are corrected by this shift. docs/training_results.md
says what each step gains, and what else was tried.

The bias correction follows Nagel et al. 2019, "Data-Free Quantization Through Weight
Equalization and Bias Correction", section 4.2, but measures the means on images.
"""

import contextlib
import io
import os
import threading
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_ssd.extras import require
from keras_ssd.formats.litert import graph as litert_graph
from keras_ssd.terminal import track

# A range covers all values of this share of the images. It cuts off larger values of the others,
# because a wider range would make the steps coarser for all images.
_SHARE_OF_IMAGES = 0.8
_LARGEST = 1e38  # larger values are ignored
_MOST_STEPS = 2**30  # the largest bias, which is an int32
_QUIET = threading.Lock()  # because threads share stderr and the filters of warnings


@dataclass(frozen=True)
class _Statistics:
    """The ranges and means of the values in a graph on the calibration images, by tensor index.

    Attributes:
        ranges: the least and the greatest value of a tensor; the range always includes 0.
        means: the mean of each channel (C,), only of maps (1, H, W, C).
    """

    ranges: dict[int, tuple[float, float]]
    means: dict[int, np.ndarray]


def to_int8(content: bytes, images: Sequence[np.ndarray]) -> bytes:
    """Returns an int8 copy of a float32 `.tflite` file.

    Weights and activations are int8. The outputs stay float32, and so do L2 normalizations, which
    the runtime's int8 would round to steps of 1/128, and hard-swish, which takes the runtime longer
    in int8: SSDMobileNetV3Large320 took 27 ms instead of 3.7 ms.

    Args:
        content: the file. Its one input takes a float32 image (1, S, S, 3) in [0, 255].
        images: about 100 images of the kind that the detector will see, uint8 (S, S, 3).

    Returns:
        A file that takes a uint8 image in place of the float32 image; it rounds no pixel.

    Raises:
        ImportError: ai-edge-quantizer is not installed.
    """
    quantizer = require("ai_edge_quantizer.quantizer", extra="edge")
    types = require("ai_edge_quantizer.qtyping", extra="edge")
    model = litert_graph.read(content)
    (graph,) = model.subgraphs
    found = _measure(content, graph, images)
    found.ranges[graph.inputs[0]] = (0.0, 255.0)  # all pixels, even if these images have fewer
    for name in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        for operator in litert_graph.operators(model, name):
            _correct_bias(model, operator, found, depthwise=name != "CONV_2D")
    task = quantizer.Quantizer(litert_graph.pack(model))
    operations = types.TFLOperationName
    task.add_static_config(".*", operations.ALL_SUPPORTED, 8, 8)
    task.update_quantization_recipe(".*", operations.INPUT, _uint8(types))
    for name in (operations.OUTPUT, operations.HARD_SWISH):
        task.update_quantization_recipe(".*", name, algorithm_key="no_quantize")
    ranges = {
        graph.tensors[index].name.decode(): {"min": np.array([low]), "max": np.array([high])}
        for index, (low, high) in found.ranges.items()
    }
    with _quiet():
        result = task.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
    return bytes(result.quantized_model)


def _uint8(types):
    """Returns the quantizer's configuration of a uint8 input."""
    config = types.TensorQuantizationConfig
    return types.OpQuantizationConfig(
        activation_tensor_config=config(
            num_bits=8, symmetric=False, dtype=types.TensorDataType.UINT
        ),
        weight_tensor_config=config(num_bits=8, granularity=types.QuantGranularity.CHANNELWISE),
        compute_precision=types.ComputePrecision.INTEGER,
        explicit_dequantize=False,
    )


def _measure(content, graph, images) -> _Statistics:
    """Runs the float32 file on the images, one by one."""
    runtime = require("ai_edge_litert.interpreter", extra="edge")
    with _quiet():
        interpreter = runtime.Interpreter(
            model_content=content,
            num_threads=os.cpu_count(),
            experimental_preserve_all_tensors=True,
        )
    interpreter.allocate_tensors()
    computed = [*graph.inputs, *(index for one in graph.operators for index in one.outputs)]
    lows, highs, sums = [], [], defaultdict(float)
    for image in track(images, "calibrating"):
        interpreter.set_tensor(graph.inputs[0], image[None].astype(np.float32))
        interpreter.invoke()
        values = [interpreter.get_tensor(index) for index in computed]
        # Maximum pooling pads with minus infinity, or nearly so.
        kept = [np.abs(value) < _LARGEST for value in values]
        pairs = list(zip(values, kept, strict=True))
        lows.append([value.min(initial=0, where=where) for value, where in pairs])
        highs.append([value.max(initial=0, where=where) for value, where in pairs])
        for index, value in zip(computed, values, strict=True):
            if value.ndim == 4:
                sums[index] += np.where(np.abs(value) < _LARGEST, value, 0).mean(axis=(0, 1, 2))
    low, high = (-_most(-np.array(lows))).tolist(), _most(np.array(highs)).tolist()
    return _Statistics(
        ranges=dict(zip(computed, zip(low, high, strict=True), strict=True)),
        means={index: total / len(images) for index, total in sums.items()},
    )


def _most(values):
    """Returns what the values (images, tensors) of most images do not exceed: (tensors,)."""
    return np.quantile(values, _SHARE_OF_IMAGES, axis=0, method="higher")


def _correct_bias(model, operator, found, *, depthwise):
    """Subtracts from a convolution's bias what int8 weights add to the mean of its output."""
    image_index, kernel_index, bias_index = operator.inputs
    kernel = litert_graph.constant(model, kernel_index)
    bias = litert_graph.constant(model, bias_index)
    if kernel is None or bias is None:  # a computed one, which cannot be corrected
        return
    # The axes become (output channels, height, width, input channels read by each of them).
    kernel = kernel.transpose(3, 1, 2, 0) if depthwise else kernel
    largest = np.abs(kernel).max(axis=(1, 2, 3))
    # The scale of the weights also sets the steps of the bias. If all weights of a channel are
    # nearly zero, its bias would need more steps than an int32 has, so one weight is made larger.
    low, high = found.ranges[image_index]
    least = 127 / _MOST_STEPS * np.abs(bias) / (max(high - low, 1e-9) / 255)
    if (largest < least).any():
        kernel = kernel.copy()
        kernel[largest < least, 0, 0, 0] = least[largest < least]
        largest = np.maximum(largest, least)
        changed = kernel.transpose(3, 1, 2, 0) if depthwise else kernel
        litert_graph.set_constant(model, operator, 1, changed)
    scale = np.maximum(largest, 1e-9)[:, None, None, None] / 127
    added = np.round(kernel / scale) * scale - kernel
    # Each group of output channels reads as many input channels as the kernel has.
    means = found.means[image_index].reshape(-1, kernel.shape[3])
    means = means.repeat(len(kernel) // len(means), axis=0)
    shift = np.einsum("ohwi,oi->o", added, means)
    litert_graph.set_constant(model, operator, 2, (bias - shift).astype(np.float32))


@contextlib.contextmanager
def _quiet():
    """Hides the quantizer's progress bars, and warnings that help only its developers."""
    with _QUIET, contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
