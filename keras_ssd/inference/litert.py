"""A detector in a LiteRT (TensorFlow Lite) file, as `export_litert` writes it."""

import os
import zipfile
from pathlib import Path

import numpy as np

from keras_ssd.boxes import clip
from keras_ssd.images import resize_image
from keras_ssd.inference.decode import decode_detections, padded, read_settings
from keras_ssd.inference.exported import ExportedDetector


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
        try:
            with zipfile.ZipFile(path) as archive:
                self.class_names = tuple(archive.read("labels.txt").decode().splitlines())
                raw = "decoding.json" in archive.namelist()
                self._decoding = read_settings(archive.read("decoding.json")) if raw else None
            num_threads = num_threads or os.cpu_count()
            self._interpreter = _interpreter()(model_path=str(path), num_threads=num_threads)
            self._run = self._interpreter.get_signature_runner()
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
            raise ValueError(f"{path}: not a detector exported as .tflite ({error})") from error
        self.image_size = int(self._run.get_input_details()["images"]["shape"][1])

    def predict_on_batch(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """See `ExportedDetector`; images of another size are warped first."""
        found = [self._detect(resize_image(image, self.image_size)) for image in images]
        return {name: np.stack([one[name] for one in found]) for name in found[0]}

    def _detect(self, image):
        outputs = self._run(images=image[None])
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


def _interpreter():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        return tf.lite.Interpreter  # which TensorFlow warns that it will drop
    return Interpreter
