"""Opens and runs detectors in OpenVINO files."""

import functools
import re
import threading
from pathlib import Path

import numpy as np

from keras_ssd.extras import require
from keras_ssd.inference.exported import ExportedDetector, read_labels
from keras_ssd.inference.thresholds import ThresholdSettings

_PRECISIONS = {"float32": "f32", "mixed_bfloat16": "bf16"}

_HEAD = 4096  # bytes
_NET = re.compile(rb"<net[\s>]")


class OpenVINODetector(ExportedDetector):
    """Runs an `.xml` file that `export` wrote, with the `.bin` file beside it, on the CPU.

    Several threads may share a detector: one at a time computes, with all the threads of the
    runtime.

    Args:
        path: the path of the `.xml` file.
        num_threads: the number of threads of the runtime. None leaves the choice to the runtime.
        dtype: the dtype to compute in: "float32", or "mixed_bfloat16", which is faster on
            processors that compute in bfloat16, and float32 on others. Layers that were quantized
            to int8 stay int8; boxes and scores are always float32.

    Raises:
        ValueError: there is no such file or it is not a detector, as in `ExportedDetector`; or the
            dtype is another one.
        ImportError: openvino is not installed.
    """

    kind = "exported as .xml"

    def __init__(self, path: str | Path, *, num_threads: int | None = None, dtype: str = "float32"):
        if dtype not in _PRECISIONS:
            raise ValueError(f"dtype: expected {' or '.join(_PRECISIONS)}, not {dtype!r}")
        # This is always set, because by default the runtime takes bfloat16 if the processor can.
        self._settings = {"INFERENCE_PRECISION_HINT": _PRECISIONS[dtype]}
        super().__init__(path, num_threads=num_threads)

    def _open(self):
        core = _core(require("openvino", extra="openvino"))
        if self._num_threads is not None:
            self._settings["INFERENCE_NUM_THREADS"] = self._num_threads
        with self.path.open("rb") as file:
            if _NET.search(file.read(_HEAD)) is None:
                raise ValueError("it is not an OpenVINO file, which begins with <net>")
        weights = self.path.with_suffix(".bin")
        if not weights.is_file():
            raise ValueError(f"there is no {weights.name} beside it, which holds its weights")
        model = core.read_model(self.path)
        if not model.has_rt_info(["keras_ssd", "labels"]):
            raise ValueError("it is an OpenVINO file without labels, the class names, in rt_info")
        self.class_names = read_labels(model.get_rt_info(["keras_ssd", "labels"]).value)
        if model.has_rt_info(["keras_ssd", "thresholds"]):
            text = model.get_rt_info(["keras_ssd", "thresholds"]).value
            self._fixed_thresholds = ThresholdSettings.from_json(text)
        self.image_size = _image_size(model.inputs)
        self._model = core.compile_model(model, "CPU", self._settings)
        self._request = self._model.create_infer_request()
        self._lock = threading.Lock()

    def _predict_on_batch(self, images):
        images = self._warped(images)
        with self._lock:  # two runs at once would share the request's tensors
            outputs = self._request.infer(images)
            return {output.any_name: np.array(value) for output, value in outputs.items()}


@functools.cache
def _core(openvino):
    """Returns the one Core of this process.

    A Core that compiles a model replaces the stack that signals are handled on, and puts the
    earlier one back at its own end. Where several Cores end in another order than they began, a
    stack that was freed is left, and the next signal, such as Ctrl-C, crashes the process.
    """
    return openvino.Core()


def _image_size(inputs):
    """Returns the side of the one input, uint8 (B, S, S, 3)."""
    found = [(x.any_name, x.element_type.to_string(), str(x.partial_shape)) for x in inputs]
    size = 0
    if inputs and inputs[0].partial_shape.rank == 4 and inputs[0].partial_shape[1].is_static:
        size = inputs[0].partial_shape[1].get_length()
    if found != [("images", "u8", f"[?,{size},{size},3]")]:
        raise ValueError(f"inputs: expected images, uint8 (B, S, S, 3), not {found}")
    return size
