"""A detector in a LiteRT (TensorFlow Lite) file, as `export_litert` writes it."""

import os
import zipfile
from pathlib import Path

import numpy as np

from keras_ssd.geometry import clip
from keras_ssd.images import resize_image
from keras_ssd.inference.decoding import decode_detections, padded, read_settings
from keras_ssd.inference.exported import ExportedDetector, last_line, read_labels

_RAW_OUTPUTS = {"offsets", "classes"}
_DETECTIONS = {"detection_boxes", "detection_classes", "detection_scores", "num_detections"}


class LiteRTDetector(ExportedDetector):
    """Runs a `.tflite` file image by image, on ai-edge-litert or else TensorFlow's interpreter.

    Args:
        path: of the file.
        num_threads: of the runtime; None: as many as there are processors.

    Raises:
        ValueError: there is no such file, or `export_litert` did not write it.
    """

    def __init__(self, path: str | Path, *, num_threads: int | None = None):
        if not Path(path).is_file():
            raise ValueError(f"{path}: no such file; expected a detector exported as .tflite")
        interpreter = _interpreter()
        try:
            texts = _read_texts(path, {"labels.txt", "decoding.json"})
            if "labels.txt" not in texts:
                raise ValueError("it holds no labels.txt")
            self.class_names = read_labels(texts["labels.txt"])
            raw = "decoding.json" in texts
            self._decoding = read_settings(texts["decoding.json"]) if raw else None
            num_threads = num_threads or os.cpu_count()
            self._interpreter = interpreter(model_path=str(path), num_threads=num_threads)
            self._interpreter.allocate_tensors()  # which notices much damage
            self._run = self._interpreter.get_signature_runner()
            inputs, outputs = self._run.get_input_details(), self._run.get_output_details()
            _check_names("inputs", inputs, {"images"})
            _check_names("outputs", outputs, _RAW_OUTPUTS if raw else _DETECTIONS)
            self.image_size = int(inputs["images"]["shape"][1])
        except Exception as error:  # a damaged file makes the runtime raise almost anything
            raise ValueError(
                f"{path}: not a detector exported as .tflite by keras-ssd ({last_line(error)})"
            ) from error
        self._path = path

    def _predict_on_batch(self, images):
        found = [self._detect(resize_image(image, self.image_size)) for image in images]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    def _detect(self, image):
        try:
            outputs = self._run(images=image[None])
        except RuntimeError as error:  # damage that shows only now
            raise ValueError(f"{self._path}: LiteRT cannot run it ({last_line(error)})") from error
        if self._decoding is not None:
            return decode_detections(outputs["offsets"][0], outputs["classes"][0], **self._decoding)
        count = int(outputs["num_detections"][0])
        y1_x1_y2_x2 = outputs["detection_boxes"][0]
        return padded(
            clip(y1_x1_y2_x2[:count, [1, 0, 3, 2]]),
            outputs["detection_classes"][0, :count],
            outputs["detection_scores"][0, :count],
            max_detections=len(y1_x1_y2_x2),
        )


def _read_texts(path, names):
    """Those of the named text files that lie, as a zip archive, behind the model."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name).decode() for name in names & set(archive.namelist())}
    except zipfile.BadZipFile:
        return {}


def _check_names(what, found, expected):
    if found.keys() != expected:
        raise ValueError(
            f"{what}: expected {', '.join(sorted(expected))}, not {', '.join(sorted(found))}"
        )


def _interpreter():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        return tf.lite.Interpreter  # which TensorFlow warns that it will drop
    return Interpreter
