"""Opens and runs detectors in LiteRT (TensorFlow Lite) files."""

import os
import threading
import zipfile
from pathlib import Path

import numpy as np

from keras_ssd.geometry import clip
from keras_ssd.inference.decoding import Decoder, DecodingSettings, padded
from keras_ssd.inference.exported import ExportedDetector, read_labels
from keras_ssd.inference.thresholds import ThresholdSettings

_RAW_OUTPUTS = {"offsets": (1, None, 4), "classes": (1, None, None)}
_DETECTIONS = {
    "detection_boxes": (1, None, 4),
    "detection_classes": (1, None),
    "detection_scores": (1, None),
    "num_detections": (1,),
}
_IDENTIFIER = b"TFL3"  # at byte 4
_MAX_TEXT = 10_000_000  # the largest size in bytes of an appended text file


class LiteRTDetector(ExportedDetector):
    """Runs a `.tflite` file that `export` wrote, image by image.

    The runtime is ai-edge-litert. Several threads may share a detector: one at a time computes,
    with all the threads of the runtime.

    Args:
        path: the path of the file.
        num_threads: the number of threads of the runtime. None takes the number of processors.

    Raises:
        ValueError: there is no such file or it is not a detector, as in `ExportedDetector`.
        ImportError: ai-edge-litert is not installed.
    """

    kind = "exported as .tflite"

    def _open(self):
        with self.path.open("rb") as file:
            if file.read(8)[4:] != _IDENTIFIER:
                raise ValueError("it is not a LiteRT file")
        texts = _read_texts(self.path, ("labels.txt", "decoding.json", "thresholds.json"))
        if "labels.txt" not in texts:
            raise ValueError("it is a LiteRT file without labels.txt, the class names")
        self.class_names = read_labels(texts["labels.txt"])
        interpreter = _interpreter_class()(
            model_path=str(self.path), num_threads=self._num_threads or os.cpu_count()
        )
        interpreter.allocate_tensors()  # this notices most damage
        self._interpreter = interpreter
        self._signature = interpreter.get_signature_runner()
        self._lock = threading.Lock()
        inputs = self._signature.get_input_details()
        outputs = self._signature.get_output_details()
        is_raw = "decoding.json" in texts
        _check_tensors("inputs", inputs, {"images": (1, None, None, 3)}, np.uint8)
        _check_tensors("outputs", outputs, _RAW_OUTPUTS if is_raw else _DETECTIONS, np.float32)
        _, height, width, _ = map(int, inputs["images"]["shape"])
        if height != width:
            raise ValueError(f"images: expected a square, not {width} x {height} pixels")
        self.image_size = height
        if "thresholds.json" in texts:
            self._fixed_thresholds = ThresholdSettings.from_json(texts["thresholds.json"])
        if is_raw:
            self._decoder = Decoder(
                DecodingSettings.from_json(texts["decoding.json"]),
                num_classes=len(self.class_names),
                image_size=self.image_size,
                offsets_shape=tuple(map(int, outputs["offsets"]["shape"][1:])),
                classes_shape=tuple(map(int, outputs["classes"]["shape"][1:])),
            )

    def raw_outputs(self, images: np.ndarray) -> dict[str, np.ndarray] | None:
        return None if self._decoder is None else self._run(images)

    def _predict_on_batch(self, images):
        outputs = self._run(self._warped(images))
        if self._decoder is not None:
            return self._decoder(outputs["offsets"], outputs["classes"])
        columns = (outputs[name] for name in _DETECTIONS)
        found = [_detections(*one) for one in zip(*columns, strict=True)]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    def _run(self, images):
        """Returns the outputs of the network for each image, joined along the first axis."""
        with self._lock:  # two runs at once would share the interpreter's tensors
            outputs = [self._signature(images=image[None]) for image in images]
        return {name: np.concatenate([one[name] for one in outputs]) for name in outputs[0]}


def _detections(y1_x1_y2_x2, labels, scores, count):
    """Returns the detections of one image; see `ObjectDetector.predict_on_batch`."""
    if not 0 <= count <= len(scores):  # also if it is not a number
        raise ValueError(f"num_detections: expected 0 to {len(scores)}, not {count}")
    rows = slice(int(count))
    if not np.isfinite(labels[rows]).all():
        raise ValueError("detection_classes: expected finite numbers")
    boxes = clip(y1_x1_y2_x2[rows, [1, 0, 3, 2]])
    return padded(boxes, labels[rows], scores[rows], max_detections=len(scores))


def _read_texts(path: Path, names):
    """Returns the texts, by name, of those of the named files that are appended to the model."""
    try:
        with zipfile.ZipFile(path) as archive:
            present = [archive.getinfo(name) for name in names if name in archive.namelist()]
            for info in present:
                if info.file_size > _MAX_TEXT:
                    raise ValueError(f"{info.filename} unpacks to {info.file_size} bytes")
            return {info.filename: archive.read(info).decode() for info in present}
    except zipfile.BadZipFile:
        return {}


def _check_tensors(what, found, expected, dtype):
    """Raises ValueError unless tensors of these names, shapes and this dtype were found."""
    if found.keys() != expected.keys():
        raise ValueError(
            f"{what}: expected {', '.join(sorted(expected))}, not {', '.join(sorted(found))}"
        )
    for name, shape in expected.items():
        theirs = tuple(map(int, found[name]["shape"]))
        fits = len(theirs) == len(shape) and all(
            size > 0 and size == (wanted or size)
            for size, wanted in zip(theirs, shape, strict=True)
        )
        if not fits or found[name]["dtype"] != dtype:
            wanted = f"{np.dtype(dtype)} {shape}".replace("None", "?")
            raise ValueError(
                f"{name}: expected {wanted}, not {np.dtype(found[name]['dtype'])} {theirs}"
            )


def _interpreter_class():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(
            f"LiteRT, which runs .tflite files, cannot be imported ({error}): "
            'pip install "ai-edge-litert>=2.3,<3"'
        ) from error
    return Interpreter
